"""Chromium without a window, driven by Playwright: no Rx, no client of ours, the browser itself."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, async_playwright

from tests.service.clients.programs import needed

__all__ = ("browsing",)

#: It is to speak to the test's servers, and to nobody else.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def browsing(**options: Any) -> AsyncGenerator[Browser]:
    """Run the system's Chromium for as long as the block lasts; on asyncio, which is all Playwright knows."""
    path = needed("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS, **options)
        try:
            yield browser
        finally:
            await browser.close()
