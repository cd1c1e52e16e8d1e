"""``rxstream serve``, as a process of its own: begun, asked, killed, begun again, and told to stop."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

import rxstream as rxs
from rxstream.items import StreamChunk
from rxstream.testing import FaultServer, ScriptedModel
from tests.sources.clients import NO_TLS
from tests.transports.redis_server import RedisServer, redis_server

__all__ = ("redis_server",)  # a fixture: pytest finds it by its name

ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "Why the sea?"}]}


class Served:
    """A running service."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.url = url

    def end(self, number: int) -> int:
        """Send a signal, and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait(20)


@contextmanager
def serving(*arguments: str) -> Generator[Served]:
    """Run the command on a free port for as long as the block lasts."""
    command = [sys.executable, "-m", "rxstream.cli", "serve", "--port", "0", *arguments]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("OPENAI_")}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            found = re.search(r"http://\S+:\d+", said)
            assert found, said + process.stderr.read()
            yield Served(process, found[0])
        finally:
            process.kill()


@contextmanager
def slow_model() -> Generator[tuple[ScriptedModel, FaultServer]]:
    model = ScriptedModel(delay=0.02)
    with FaultServer(model) as upstream:
        yield model, upstream


def to_model(upstream: FaultServer) -> list[str]:
    return ["--base-url", upstream.base_url, "--model", "scripted"]


async def wait_until_ready(url: str) -> None:
    async with httpx2.AsyncClient(verify=NO_TLS) as client:
        with anyio.fail_after(20):
            while True:
                try:
                    if (await client.get(f"{url}/health")).status_code == 200:
                        return
                except httpx2.TransportError:
                    pass
                await anyio.sleep(0.05)


@pytest.mark.anyio
async def test_it_serves_and_ends_its_streams_when_it_is_told_to_stop() -> None:
    with slow_model() as (_, upstream), serving(*to_model(upstream), "--drain", "0.2") as served:
        await wait_until_ready(served.url)
        async with httpx2.AsyncClient(verify=NO_TLS, timeout=20) as client:
            events = rxs.from_sse(
                f"{served.url}/v1/stream/raw",
                client=client,
                method="POST",
                json=ASK,
                dialect=None,
                reconnects=0,
            )
            async with rxs.open_stream(events) as stream:
                first = await anext(stream)
                served.process.send_signal(signal.SIGTERM)
                rest = [event async for event in stream]
        assert first.event == "chunk"
        assert rest[-1].event == "error"
        assert json.loads(rest[-1].data)["error"]["code"] == "shutdown"
        assert await anyio.to_thread.run_sync(served.process.wait, 20) in {
            0,
            -signal.SIGTERM,
            128 + signal.SIGTERM,
        }


@pytest.fixture(params=["sqlite", "redis"])
def log_of(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'streams.db'}"
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_an_answer_survives_the_worker_that_served_it(log_of: str) -> None:
    """Killed without a word, in the middle; the next worker goes on with the model's own words."""
    with slow_model() as (model, upstream):
        options = [*to_model(upstream), "--log", log_of, "--lease", "1.5"]
        async with httpx2.AsyncClient(verify=NO_TLS, timeout=30) as client:
            with serving(*options) as served:
                await wait_until_ready(served.url)
                answer = rxs.from_sse(
                    f"{served.url}/v1/stream/raw",
                    client=client,
                    method="POST",
                    json={**ASK, "stream_id": "survivor"},
                    reconnects=0,
                )
                before: list[StreamChunk] = []
                with pytest.raises(rxs.StreamTruncated):
                    async with rxs.open_stream(answer) as stream:
                        async for chunk in stream:
                            before.append(chunk)
                            if len(before) == 8:
                                served.process.kill()
            asked = len(upstream.requests)
            with serving(*options) as served:
                await wait_until_ready(served.url)
                url = f"{served.url}/v1/stream/survivor?after={len(before)}"
                rest = await rxs.to_list(rxs.from_sse(url, client=client, reconnects=20, retry=0.5))
        text = "".join(chunk.content for chunk in (*before, *rest))
        assert text == model.answer
        assert rest[-1].finish_reason == "stop" or any(chunk.finish_reason for chunk in rest)
        # The rest was asked for, and not another answer.
        assert len(upstream.requests) == asked + 1
        assert upstream.requests[-1].body["messages"][-1]["role"] == "assistant"


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "rxstream.cli", "serve", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False, env={**os.environ, **environment}
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--log", "floppy:"], "memory"),
        (["--host", "127.0.0.1", "--port", "1", "--base-url", "http://127.0.0.1:9/v1"], "rxstream: "),
    ],
    ids=["log", "port"],
)
def test_what_is_wrong_is_one_line(arguments: list[str], words: str) -> None:
    if "--port" in arguments and os.geteuid() == 0:
        arguments = [*arguments, "--model", "m", "--host", "192.0.2.1"]  # nobody's own address
    done = run(*arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "fastapi.py").write_text("raise ModuleNotFoundError(\"No module named 'fastapi'\")")
    done = run("--base-url", "http://127.0.0.1:9/v1", "--model", "m", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "pip install 'rxstream[server]'" in done.stderr
