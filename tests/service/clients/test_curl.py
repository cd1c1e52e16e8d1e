"""``curl -N``: the answer as it comes, on a terminal."""

import json
import subprocess
import time
from typing import Any

from tests.service.clients.conftest import Service
from tests.service.clients.programs import needed
from tests.service.clients.upstream import PAUSE, TEXT


def command(url: str, body: dict[str, Any], *options: str) -> list[str]:
    header = "Content-Type: application/json"
    return [needed("curl"), "-sSN", *options, "-H", header, "-d", json.dumps(body), f"{url}/v1/stream/raw"]


def ask(text: str, model: str = "quick") -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}]}


def chunks_in(lines: list[str]) -> str:
    data = [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]
    return "".join(chunk.get("content", "") for chunk in data)


def test_it_prints_the_answer_as_it_comes(service: Service) -> None:
    with subprocess.Popen(
        command(service.ticking, ask("curl waits", "waits")), stdout=subprocess.PIPE, text=True
    ) as curl:
        assert curl.stdout is not None
        came = [(time.monotonic(), line.rstrip("\n")) for line in curl.stdout]
    assert curl.returncode == 0
    assert chunks_in([line for _, line in came]) == TEXT
    assert [json.loads(line.removeprefix("data:")) for _, line in came if line.startswith("data:")][-1] == {
        "done": True
    }
    # The first words were on the screen before the model had thought of the others.
    data = [moment for moment, line in came if line.startswith("data:")]
    assert data[-1] - data[0] > PAUSE / 2
    assert [line for _, line in came if line.startswith(":")], "no heartbeat"


def test_it_reads_the_embedded_model_to_its_end(service: Service) -> None:
    body = {"messages": [{"role": "user", "content": "Name a river."}], "max_tokens": 10}
    done = subprocess.run(
        command(service.embedded, body, "-i", "--max-time", "20"), capture_output=True, text=True, check=True
    )
    head, _, printed = done.stdout.partition("\n\n")
    assert head.startswith("HTTP/1.1 200")
    assert "content-type: text/event-stream" in head.lower()
    assert "x-stream-id:" in head.lower()
    assert chunks_in(printed.splitlines())
    assert "event: done" in printed


def test_it_is_cut_off_by_its_own_clock_and_the_model_stops(service: Service) -> None:
    body = ask("curl has no time", "rambles") | {"resumable": False}
    done = subprocess.run(
        command(service.scripted, body, "--max-time", "0.7"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 28
    lines = done.stdout.splitlines()
    assert service.upstream.endless.startswith(chunks_in(lines))
    assert service.upstream.is_left("curl has no time")


def test_a_refusal_is_no_stream(service: Service) -> None:
    done = subprocess.run(
        command(service.scripted, ask("curl is refused", "refuses"), "-w", "\n%{http_code} %{content_type}"),
        capture_output=True,
        text=True,
        check=True,
    )
    body, _, told = done.stdout.rpartition("\n")
    assert told == "400 application/json"
    assert "no such thing here" in json.loads(body)["error"]["message"]
