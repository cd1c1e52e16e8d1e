"""A real Jupyter Lab, its page in Chromium, and what a reader does with a notebook there."""

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Locator, Page, Request

from tests.service.clients.chromium import browsing

__all__ = ("Frame", "Lab", "Notebook", "Seen", "running_lab")

#: Seconds that anything may take before the test gives up.
_PATIENCE: Final = 30.0

_OPTIONS: Final = (
    "--no-browser",
    "--allow-root",  # in a container everybody is
    "--expose-app-in-browser",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",  # any that is free
    "--ServerApp.terminals_enabled=False",
    "--IdentityProvider.token=",
    # It asks the network for nothing: no news here, no updates in the settings below, no list of extensions.
    "--LabApp.news_url=None",
    "--LabApp.extension_manager=readonly",
)
_NOTIFICATIONS: Final = {"fetchNews": "false", "checkForUpdates": False}

#: Without the name of a kernel the page asks for one.
_KERNEL: Final = {"name": "python3", "display_name": "Python 3", "language": "python"}

_OPEN: Final = """async path => {
    const panel = await jupyterapp.commands.execute('docmanager:open', {path});
    await panel.revealed;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
}"""
_SAVE: Final = "() => jupyterapp.shell.currentWidget.context.save()"
_CLOSE: Final = """async () => {
    const panel = jupyterapp.shell.currentWidget;
    await panel.sessionContext.shutdown();
    panel.dispose();
}"""

#: Look at a cell's outputs at each frame that is drawn, and at each change in what was finished before it.
#: The first output is the line; of the others, or of each lane's, all but the last are finished.
_WATCH: Final = """cell => {
    const seen = window.seen = {frames: [], touched: [], finished: 0, over: false};
    const finished = new Map();
    const lanes = () => {
        const columns = [...cell.querySelectorAll('.widget-vbox')];
        if (columns.length)
            return columns.map(column => [column, [...column.children].slice(1)]);
        const outputs = [...cell.querySelectorAll('.jp-OutputArea-child')].slice(1);
        return outputs.length ? [[outputs[0].parentElement, outputs]] : [];
    };
    const look = () => {
        const area = cell.querySelector('.jp-Cell-outputArea');
        const texts = [];
        for (const [lane, blocks] of lanes()) {
            const written = blocks.filter(block => block.innerText.trim());
            written.slice(0, -1).forEach(block => finished.set(block, lane));
            texts.push(written.map(block => block.innerText.trim()));
        }
        seen.finished = finished.size;
        seen.frames.push({
            at: Date.now() / 1000,
            running: cell.querySelector('.jp-InputPrompt').innerText === '[*]:',
            widgets: cell.querySelector('.widget-vbox') !== null,
            line: cell.querySelector('.jp-OutputArea-output')?.innerText ?? '',
            texts,
            height: area?.offsetHeight ?? 0,
        });
        if (!seen.over) requestAnimationFrame(look);
    };
    new MutationObserver(records => {
        for (const {target, type, addedNodes, removedNodes} of records) {
            // The table of contents numbers the headings, whenever it finds the time.
            const nodes = [...removedNodes, ...addedNodes].filter(one => one.className !== 'numbering-entry');
            if (type === 'childList' && !nodes.length) continue;
            for (const [block, lane] of finished) {
                const removed = lane.contains(target) && nodes.some(node => node.contains(block));
                if (lane.isConnected && (removed || block.contains(target)))
                    seen.touched.push(`${block.innerText}: ${nodes.map(node => node.outerHTML).join()}`);
            }
        }
    }).observe(cell, {subtree: true, childList: true, characterData: true});
    look();
}"""

_SEEN: Final = """() => new Promise(give => requestAnimationFrame(() => {
    window.seen.over = true;
    give(window.seen);
}))"""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stood in a cell's output when the browser drew it."""

    #: Seconds since 1970.
    at: float
    #: Whether the cell ran, and whether the lanes were still widgets.
    running: bool
    widgets: bool
    line: str
    #: Of each lane, or of the one text, the blocks that are not empty.
    texts: list[list[str]]
    #: In pixels, of the line and all below it.
    height: int


@dataclass(frozen=True, slots=True)
class Seen:
    """All frames from the moment at which somebody began to look."""

    frames: list[Frame]
    #: Changes of blocks that were finished, of which there were so many.
    touched: list[str]
    finished: int


class Notebook:
    """A notebook that is open, with a kernel of its own."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.path = path

    @property
    def folder(self) -> Path:
        """Where its kernel runs."""
        return self.path.parent

    def cell(self, number: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)

    def output(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-Cell-outputArea")

    async def start(self, number: int) -> None:
        """Run a cell, from the keyboard."""
        await self.cell(number).locator(".jp-InputArea-editor").click()
        await self.page.keyboard.press("Shift+Enter")

    async def end(self, number: int) -> None:
        """Wait until it has run."""
        script = r"cell => /\[\d+\]/.test(cell.querySelector('.jp-InputPrompt').innerText)"
        cell = await self.cell(number).element_handle()
        await self.page.wait_for_function(script, arg=cell)

    async def run(self, number: int) -> None:
        """Run a cell, and wait."""
        await self.start(number)
        await self.end(number)

    async def written(self, number: int, words: str) -> None:
        """Wait until something stands in a cell's output."""
        await self.output(number).get_by_text(words).first.wait_for()

    async def watch(self, number: int) -> None:
        """Begin to look at a cell's output, frame by frame."""
        await self.cell(number).evaluate(_WATCH)

    async def seen(self) -> Seen:
        """Look once more, and no longer."""
        seen: Any = await self.page.evaluate(_SEEN)
        frames = [Frame(**frame) for frame in seen["frames"]]
        return Seen(frames, seen["touched"], seen["finished"])

    async def interrupt(self) -> None:
        """Click what interrupts the kernel."""
        await self.page.get_by_title("Interrupt the kernel").click()

    async def save(self) -> Any:
        """Save it, and read the file."""
        await self.page.evaluate(_SAVE)
        return json.loads(self.path.read_text())


@dataclass(frozen=True, slots=True)
class Lab:
    """A Jupyter Lab and the page that shows it."""

    url: str
    folder: Path
    page: Page
    #: What the page has asked anybody else for.
    strangers: list[str] = field(default_factory=list[str])

    @asynccontextmanager
    async def notebook(self, name: str, *cells: str) -> AsyncGenerator[Notebook]:
        """Write a notebook and open it; its kernel ends with the block, whatever it does then."""
        path = self.folder / name / f"{name}.ipynb"
        path.parent.mkdir()
        path.write_text(json.dumps(_notebook(cells)))
        async with self.opened(path) as notebook:
            yield notebook

    @asynccontextmanager
    async def opened(self, path: Path) -> AsyncGenerator[Notebook]:
        """Open a notebook that is there."""
        await self.page.evaluate(_OPEN, path.relative_to(self.folder).as_posix())
        try:
            yield Notebook(self.page, path)
        finally:
            await self.page.evaluate(_CLOSE)


def _notebook(cells: Iterable[str]) -> dict[str, Any]:
    """Make a notebook, as its file has it."""
    new: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": _KERNEL},
        "cells": [{**new, "id": f"cell-{place}", "source": cell.strip()} for place, cell in enumerate(cells)],
    }


@asynccontextmanager
async def running_lab(folder: Path) -> AsyncGenerator[Lab]:
    """Run a Jupyter Lab for as long as the block lasts, with nothing of the user's, and open its page."""
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    async with browsing() as browser:
        with _serving(folder, notebooks) as url:
            page = await browser.new_page(viewport={"width": 1200, "height": 1000})
            page.set_default_timeout(_PATIENCE * 1000)
            lab = Lab(url, notebooks, page)

            def note(request: Request) -> None:
                if not request.url.startswith((url, "data:", "blob:")):
                    lab.strangers.append(request.url)

            page.on("request", note)
            await page.goto(f"{url}lab?reset")
            await page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
            try:
                yield lab
            finally:
                await page.close()


@contextmanager
def _serving(folder: Path, notebooks: Path) -> Generator[str]:
    own = {name: folder / name.lower() for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = {
        **os.environ,
        **{f"JUPYTER_{name}_DIR": str(path) for name, path in own.items()},
        "IPYTHONDIR": str(folder / "ipython"),
    }
    settings = own["CONFIG"] / "lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(_NOTIFICATIONS))
    log = folder / "log"
    with log.open("w") as out:
        lab = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *_OPTIONS, f"--ServerApp.root_dir={notebooks}"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _url(lab, own["RUNTIME"], log)
    finally:
        # It takes its kernels with it. They also end by themselves a second after it is gone.
        lab.terminate()
        try:
            lab.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            lab.kill()
            lab.wait()
            raise
    assert list(own["RUNTIME"].glob("kernel-*.json")) == [], log.read_text()


def _url(lab: "subprocess.Popen[bytes]", runtime: Path, log: Path) -> str:
    """Wait until it says where it is."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and lab.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            try:
                return str(json.loads(path.read_text())["url"])
            except json.JSONDecodeError:
                pass  # it is still writing it
        time.sleep(0.02)
    raise AssertionError(f"Jupyter Lab has not started: {log.read_text()[-2000:]}")
