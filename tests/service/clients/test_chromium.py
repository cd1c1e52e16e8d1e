"""Chromium's own EventSource, fetch and WebSocket, in pages of the service's origin."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.resilience.relay import Relay, relaying
from tests.service.clients.chromium import browsing
from tests.service.clients.conftest import Service
from tests.service.clients.upstream import TEXT

SCRIPT = Path(__file__).with_name("chromium.js")

#: A page each, which shares no connections with the others; the one that waits longest begins.
PAGES = (
    ("comesBack",),
    ("sevenOfSix",),
    ("waits",),
    ("finished", "reads", "aborts", "several", "sevenOverOne"),
)


@pytest.fixture(scope="module")
def found(service: Service) -> dict[str, Any]:
    """Do it all in one browser at once. It has its own loop, which is over before any test's begins."""
    return asyncio.run(visit(service))


async def visit(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with browsing() as browser, asyncio.TaskGroup() as tasks:
        for names in PAGES:
            ready = asyncio.Event()
            tasks.create_task(run(browser, service, names, found, ready))
            await ready.wait()  # several that load at once take longer, all of them
    return found


async def run(
    browser: Browser, service: Service, names: tuple[str, ...], found: dict[str, Any], ready: asyncio.Event
) -> None:
    """Run checks in a page, with a way to the service that the page can cut."""
    target = service.ticking if "waits" in names else service.scripted
    async with relaying(target) as relay:
        context = await browser.new_context()
        page: Any = await context.new_page()
        await page.add_init_script(path=SCRIPT)
        await page.expose_function("cut", lambda: cut(relay))
        # Any document of the service's origin does; this one has no scripts of its own.
        await page.goto(f"{relay.url}/health")
        ready.set()
        program = "names => Promise.all(names.map((name) => checks[name]()))"
        results = await asyncio.wait_for(page.evaluate(program, names), 30)
        found.update(zip(names, results, strict=True))
        await context.close()


async def cut(relay: Relay) -> None:
    await relay.cut()


def text_of(events: list[Any]) -> str:
    return "".join(json.loads(one["data"])["content"] for one in events if one["event"] == "chunk")


def numbers(events: list[Any]) -> list[int]:
    return [int(event["id"].rpartition("-")[2]) for event in events]


def test_an_event_source_comes_back_with_the_last_id_and_misses_nothing(
    found: dict[str, Any], service: Service
) -> None:
    events = found["comesBack"]["events"]
    assert found["comesBack"]["begun"] == 200
    assert numbers(events) == list(range(1, len(events) + 1))
    assert text_of(events) == service.upstream.long
    assert events[-1]["event"] == "done"
    # The browser itself has sent the id: first none, then that of the event before the cut, then the last.
    asked = service.asked("/v1/stream/a-page-that-comes-back")
    assert asked[0] is None
    assert asked[-1] == events[-1]["id"]
    assert 10 <= int(str(asked[1]).rpartition("-")[2]) < len(events)


def test_trap_14_an_event_source_that_has_it_all_is_told_so_and_stops(
    found: dict[str, Any], service: Service
) -> None:
    """The page does not close it; the 204 does, and nobody asks for the answer again."""
    assert [error["state"] for error in found["comesBack"]["errors"]] == [0, 0, 2]
    assert len(service.asked("/v1/stream/a-page-that-comes-back")) == 3
    assert found["finished"] == {"events": [], "errors": [{"state": 2, "data": None}]}
    late = [request for request in service.upstream.requests if "a page comes late" in str(request.body)]
    assert len(late) == 1


def test_trap_01_heartbeats_are_nothing_to_an_event_source(found: dict[str, Any]) -> None:
    events = found["waits"]["events"]
    assert text_of(events) == TEXT
    assert numbers(events) == list(range(1, len(events) + 1))
    assert {event["event"] for event in events} == {"chunk", "done"}


def test_trap_16_ids_are_ascii(found: dict[str, Any]) -> None:
    ids = [event["id"] for check in ("comesBack", "waits") for event in found[check]["events"]]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in ids)


def test_a_page_reads_a_body_as_it_comes(found: dict[str, Any]) -> None:
    body = "".join(found["reads"]["pieces"])
    data = [json.loads(line.removeprefix("data:")) for line in body.splitlines() if line.startswith("data:")]
    assert "".join(one.get("content", "") for one in data) == TEXT
    assert data[-1] == {"done": True}
    assert found["reads"]["type"] == "text/event-stream; charset=utf-8"


def test_a_page_that_aborts_a_fetch_stops_the_model(found: dict[str, Any], service: Service) -> None:
    assert found["aborts"] == "AbortError"
    # Chromium may read on behind an abort, for 5 s or 16 KiB, to keep its connection.
    assert service.upstream.is_left("a page aborts", within=8)


def test_a_page_has_several_answers_over_one_websocket(found: dict[str, Any], service: Service) -> None:
    several = found["several"]
    assert several["texts"] == {"a": service.upstream.long, "b": service.upstream.long}
    assert sorted(several["order"][:2]) == ["begin a", "begin b"]
    assert several["protocol"] == "rxstream.v1"
    assert several["code"] == 1000


def test_trap_15_seven_streams_are_one_too_many_for_http_1_and_none_for_a_websocket(
    found: dict[str, Any], service: Service
) -> None:
    """Browsers open six connections to a host: the seventh answer waits until one of the others has ended."""
    over_http, over_one = found["sevenOfSix"], found["sevenOverOne"]
    assert over_http["whole"]
    assert over_http["order"][:7] == ["begin"] * 6 + ["end"]
    assert all(step.startswith("begin") for step in over_one["order"][:7])
    assert set(over_one["texts"].values()) == {service.upstream.long}
