"""The service in front of a real model: what it writes comes through, and what is stopped stops."""

import json
import time
from collections.abc import Generator
from typing import Any

import httpx2
import pytest

import rxstream as rxs
from tests.service.apps import app_of, events_of
from tests.sources.clients import NO_TLS
from tests.transports.servers import serving

ASK: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Tell me a long story about the sea."}],
    "temperature": 0,
    "seed": 1,
}


@pytest.fixture(scope="module")
def client(local_model: rxs.LocalModel) -> Generator[httpx2.Client]:
    with (
        serving(app_of(local_model.base_url, model=local_model.model, grace=0.3)) as url,
        httpx2.Client(base_url=url, verify=NO_TLS, timeout=30) as found,
    ):
        yield found


def is_idle(model: rxs.LocalModel) -> bool:
    slots = httpx2.get(f"{model.root_url}/slots", verify=NO_TLS).json()
    return not any(slot["is_processing"] for slot in slots)


def idle_after(model: rxs.LocalModel, limit: float) -> float:
    began = time.monotonic()
    while not is_idle(model):
        assert time.monotonic() - began < limit
        time.sleep(0.005)
    return time.monotonic() - began


def text_of(body: str) -> str:
    events = events_of(body)
    return "".join(json.loads(event.data).get("content", "") for event in events if event.event == "chunk")


def test_raw_units_and_the_whole_say_the_same(client: httpx2.Client) -> None:
    ask = {**ASK, "max_tokens": 24}
    raw = text_of(client.post("/v1/stream/raw", json=ask).text)
    words = events_of(client.post("/v1/stream/buffered", json=ask).text)
    whole = client.post("/v1/chat/completions", json=ask).json()
    assert len(raw) > 40
    assert [json.loads(event.data)["item"] for event in words if event.event == "chunk"] == raw.split()
    assert whole["choices"][0]["message"]["content"] == raw
    assert whole["usage"]["completion_tokens"] == 24


def test_ready_knows_the_model(client: httpx2.Client, local_model: rxs.LocalModel) -> None:
    assert client.get("/ready").status_code == 200
    assert local_model.model in [model["id"] for model in client.get("/v1/models").json()["data"]]


def test_when_a_stop_has_been_answered_the_slot_is_idle(
    client: httpx2.Client, local_model: rxs.LocalModel
) -> None:
    with client.stream("POST", "/v1/stream/raw", json={**ASK, "max_tokens": 400}) as response:
        lines = response.iter_lines()
        for _ in range(12):
            next(lines)
        assert not is_idle(local_model)
        assert client.delete(f"/v1/stream/{response.headers['x-stream-id']}").status_code == 204
        idle_after(local_model, 0.2)
        rest = list(lines)
    assert 'data: {"done":true,"stopped":true}' in rest


def test_who_leaves_and_does_not_come_back_stops_the_model(
    client: httpx2.Client, local_model: rxs.LocalModel
) -> None:
    with client.stream("POST", "/v1/stream/raw", json={**ASK, "max_tokens": 400}) as response:
        for _, line in zip(range(12), response.iter_lines(), strict=False):
            assert not line.startswith("event: error")
    # It goes on for as long as somebody may come back, and no longer.
    assert idle_after(local_model, 1.5) > 0.05


def test_who_leaves_and_comes_back_has_one_answer(client: httpx2.Client) -> None:
    ask = {**ASK, "max_tokens": 40}
    expected = text_of(client.post("/v1/stream/raw", json=ask).text)
    seen = ""
    with client.stream("POST", "/v1/stream/raw", json=ask) as response:
        stream = response.headers["x-stream-id"]
        for line in response.iter_lines():
            seen += f"{line}\n"
            if seen.count("\n\n") == 8:
                break
    last = events_of(seen)[-1].id
    rest = client.get(f"/v1/stream/{stream}", headers={"Last-Event-ID": str(last)}).text
    assert text_of(seen) + text_of(rest) == expected
