"""The chat page, in a browser, in front of the embedded model."""

import asyncio
import json
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from playwright.async_api import Page
from playwright.async_api import TimeoutError as TooLong

import rxstream as rxs
from tests.resilience.relay import Relay, relaying
from tests.service.clients.chromium import browsing
from tests.service.clients.conftest import Service
from tests.sources.clients import NO_TLS

ANSWER = ".message[data-role=assistant]"
#: Seconds that anything may take before the test gives up; milliseconds for Playwright.
PATIENCE = 30


@pytest.fixture(scope="module")
def seen(service: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Do what a reader does, once; the browser has its own loop, which is over before any test's begins."""
    return asyncio.run(visit(service, tmp_path_factory.mktemp("page")))


async def visit(service: Service, folder: Path) -> dict[str, Any]:
    async with browsing() as browser, relaying(service.embedded) as relay:
        context = await browser.new_context(viewport={"width": 800, "height": 700})
        page = await context.new_page()
        complaints: list[str] = []
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{relay.url}/")
        seen: dict[str, Any] = {
            "reloaded": await reload_in_the_middle(page, relay, folder),
            "cut": await cut_in_the_middle(page, relay),
            "stopped": await stop_in_the_middle(page, service, folder),
            "after": await reload_at_the_end(page),
        }
        seen["complaints"] = complaints
        return seen


async def ask(page: Page, prompt: str, characters: int) -> None:
    """Ask, and wait until so much of the answer is there."""
    await page.fill("#prompt", prompt)
    await page.press("#prompt", "Enter")
    script = "([path, n]) => [...document.querySelectorAll(path)].at(-1).textContent.length >= n"
    await page.wait_for_function(script, arg=[ANSWER, characters], timeout=PATIENCE * 1000)


async def shown(page: Page) -> str:
    return str(await page.locator(ANSWER).last.text_content())


async def stream_of(page: Page) -> str:
    chat = await page.evaluate("sessionStorage.getItem('rxstream-chat')")
    return str(json.loads(chat)["stream"])


async def ended(page: Page, seconds: float = PATIENCE) -> None:
    await page.locator("#send").wait_for(state="visible", timeout=seconds * 1000)


async def over(page: Page) -> None:
    """Wait for the answer's end; a small model may find none, and is stopped."""
    try:
        await ended(page, 15)
    except TooLong:
        await page.click("#stop")
        await ended(page)


async def whole(relay: Relay, stream: str) -> str:
    """Read the answer from the service, from its beginning."""
    async with httpx2.AsyncClient(verify=NO_TLS) as client:
        return (await rxs.collect(rxs.from_sse(f"{relay.url}/v1/stream/{stream}", client=client))).content


async def reload_in_the_middle(page: Page, relay: Relay, folder: Path) -> dict[str, Any]:
    await ask(page, "Write a story about a mountain.", 40)
    stream = await stream_of(page)
    # What is kept and what is shown may be a moment apart; what is kept goes with the page.
    before = await shown(page)
    await page.reload()
    again = await shown(page)
    await page.screenshot(path=folder / "reloaded.png")
    live = await page.locator("#stop").is_visible()
    await over(page)
    return {
        "before": before,
        "again": again,
        "live": live,
        "end": await shown(page),
        "whole": await whole(relay, stream),
    }


async def cut_in_the_middle(page: Page, relay: Relay) -> dict[str, Any]:
    await ask(page, "Write a story about a river.", 40)
    stream = await stream_of(page)
    await relay.cut()
    await over(page)
    return {"end": await shown(page), "whole": await whole(relay, stream)}


async def stop_in_the_middle(page: Page, service: Service, folder: Path) -> dict[str, Any]:
    await ask(page, "Write a very long story about the sea.", 40)
    busy = not await anyio.to_thread.run_sync(service.is_idle)
    await page.click("#stop")
    begun = asyncio.get_running_loop().time()
    while not await anyio.to_thread.run_sync(service.is_idle):
        assert asyncio.get_running_loop().time() - begun < PATIENCE
    seconds = asyncio.get_running_loop().time() - begun
    await ended(page)
    await page.screenshot(path=folder / "stopped.png")
    print(f"The slot was idle {seconds:.3f} s after the click. Screenshots: {folder}")
    return {
        "busy": busy,
        "seconds": seconds,
        "note": await page.locator(".note").last.text_content(),
        "end": await shown(page),
    }


async def reload_at_the_end(page: Page) -> dict[str, Any]:
    count = await page.locator(".message").count()
    await page.reload()
    return {"before": count, "again": await page.locator(".message").count(), "end": await shown(page)}


def test_a_reload_in_the_middle_goes_on_where_it_was(seen: dict[str, Any]) -> None:
    found = seen["reloaded"]
    assert found["live"]
    assert found["again"].startswith(found["before"])
    assert len(found["again"]) < len(found["end"])
    assert found["end"] == found["whole"]


def test_a_connection_that_is_cut_is_made_again(seen: dict[str, Any]) -> None:
    assert seen["cut"]["end"] == seen["cut"]["whole"]


def test_stop_stops_the_model(seen: dict[str, Any]) -> None:
    found = seen["stopped"]
    assert found["busy"]
    assert found["note"] == "Stopped."
    assert found["end"]
    # On an idle machine it is a tenth of that.
    assert found["seconds"] < 2


def test_a_reload_at_the_end_changes_nothing(seen: dict[str, Any]) -> None:
    found = seen["after"]
    assert found["again"] == found["before"] == 6
    assert found["end"] == seen["stopped"]["end"]


def test_the_page_has_nothing_to_complain_of(seen: dict[str, Any]) -> None:
    # The connection that the test cuts is one, and the browser says so.
    assert [text for text in seen["complaints"] if "ERR_" not in text] == []
