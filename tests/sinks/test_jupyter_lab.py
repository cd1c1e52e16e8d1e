"""What a reader sees of ``display_stream`` in Jupyter Lab, in a browser."""

import time
from collections.abc import AsyncGenerator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator

from tests.sinks.jupyter_lab import Lab, Notebook, Seen, running_lab

pytestmark = pytest.mark.anyio

#: What the cells below have in common: a source that says each word at its time, and tells when it is closed.
SOURCES = """
import re
import time
from itertools import count
from pathlib import Path

import anyio
import rxstream as rxs


def words(text, every=0.02):
    async def source():
        for word in re.findall(r"(?:[-#>0-9]+[.]? )?\\S+\\s*", text):
            yield rxs.StreamChunk(word)
            await anyio.sleep(every)

    return rxs.from_stream(source)


def endless():
    async def source():
        try:
            for number in count():
                yield rxs.StreamChunk(f"word{number} ")
                await anyio.sleep(0.02)
        finally:
            Path("closed").write_text(str(time.time()))

    return rxs.from_stream(source)
"""

#: Blocks of every kind whose text only grows while they are written. What begins a block comes with its
#: first word: "1." alone is a paragraph, and then a list.
BLOCKS = """
def blocks(name):
    return f'''## Title {name}

First paragraph of {name}: some words that take their time, and more of them, more than fit into a line.

- one
- two
- three

```python
def f(x):
    return x + 1
```

> A quote of {name}

1. first
2. second

Last paragraph of {name}, which ends it.
'''
"""
NUMBER_OF_BLOCKS = 7
LAST = "which ends it."

#: What a model may have been made to write.
MARKUP = """
markup = '''Hello <script>window.caught = 1</script> and <img src="x" onerror="window.caught = 2"> there.

<script>window.caught = 3</script>

<div><img src="y" onerror="window.caught = 4"></div>

![a picture](http://127.0.0.1:1/picture.png) and [a link](javascript:alert(1)), the last of it.
'''
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """Run on what Playwright and a notebook's kernel know."""
    return "asyncio"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for screenshots: whoever changes what is shown looks at them."""
    folder = tmp_path_factory.mktemp("pictures")
    print(f"Screenshots: {folder}")
    return folder


@pytest.fixture(scope="module")
async def lab(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Lab]:
    async with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def without_flicker(seen: Seen) -> None:
    """Check that what is shown only ever grows, at its end."""
    for before, after in pairwise(frame for frame in seen.frames if frame.line):
        assert after.height >= before.height, (before, after)
        if after.widgets == before.widgets:
            for old, new in zip(before.texts, after.texts, strict=False):
                assert "\n".join(new).startswith("\n".join(old)), (before, after)
            assert len(after.texts) >= len(before.texts), (before, after)
        else:  # at the end it becomes HTML, in which no block stands alone
            there = " ".join("\n".join(map("\n".join, after.texts)).split())
            for block in [block for lane in before.texts for block in lane]:
                assert " ".join(block.split()) in there, (before, after)


def closed(notebook: Notebook) -> float:
    """Say when the source was closed."""
    return float((notebook.folder / "closed").read_text())


async def test_one_text_grows_and_what_is_finished_is_not_drawn_again(lab: Lab, pictures: Path) -> None:
    # Slowly: it is drawn ten times a second, and a busy machine, or a screenshot, misses some of them.
    show = "shown = await rxs.display_stream(words(blocks('A'), 0.1))"
    async with lab.notebook("text", SOURCES + BLOCKS + show) as notebook:
        await notebook.watch(0)
        await notebook.start(0)
        await notebook.written(0, "three")
        await lab.page.screenshot(path=pictures / "text-runs.png")
        await notebook.end(0)
        await notebook.written(0, LAST)
        await notebook.written(0, "done")
        await lab.page.screenshot(path=pictures / "text-ends.png")
        seen = await notebook.seen()
    running = {"\n".join(*frame.texts) for frame in seen.frames if frame.running and frame.texts}
    assert len(running) > 10
    assert seen.touched == []
    assert seen.finished == NUMBER_OF_BLOCKS - 1
    without_flicker(seen)
    assert [len(text) for text in seen.frames[-1].texts] == [NUMBER_OF_BLOCKS]
    assert any("writing" in frame.line and "tokens/s" in frame.line for frame in seen.frames)
    assert "s to first token" in seen.frames[-1].line


async def test_lanes_stand_side_by_side_and_end_as_html(lab: Lab, pictures: Path) -> None:
    show = (
        "await rxs.display_stream(rxs.from_streams(left=words(blocks('L')), right=words(blocks('R'), 0.03)))"
    )
    async with lab.notebook("lanes", SOURCES + BLOCKS + show) as notebook:
        await notebook.watch(0)
        await notebook.start(0)
        await notebook.written(0, "First paragraph of R: some")
        assert await side_by_side(notebook.output(0).locator("h2")) == ["Title L", "Title R"]
        await lab.page.screenshot(path=pictures / "lanes-run.png")
        await notebook.end(0)
        await notebook.output(0).locator(".jupyter-widgets").first.wait_for(state="detached")
        assert await side_by_side(notebook.output(0).locator("h2")) == ["Title L", "Title R"]
        await lab.page.screenshot(path=pictures / "lanes-end.png")
        seen = await notebook.seen()
        saved = await notebook.save()
    assert seen.touched == []
    assert seen.finished == 2 * (NUMBER_OF_BLOCKS - 1)
    without_flicker(seen)
    assert all("First paragraph of L" in str(frame.texts) for frame in seen.frames[-5:])
    kinds = {kind for output in saved["cells"][0]["outputs"] for kind in output["data"]}
    assert kinds == {"text/html", "text/plain"}
    assert "widgets" not in saved["metadata"]
    async with lab.opened(notebook.path) as again:
        assert await side_by_side(again.output(0).locator("h2")) == ["Title L", "Title R"]


async def side_by_side(elements: Locator) -> list[str]:
    """Check that elements stand in a row, and give what they say, from the left to the right."""
    # In one go: the page may scroll between two questions.
    found: Any = await elements.evaluate_all(
        "nodes => nodes.map(node => [node.innerText, node.getBoundingClientRect().toJSON()])"
    )
    for (_, left), (_, right) in pairwise(found):
        assert left["top"] == right["top"]
        assert left["right"] <= right["left"]
    return [text for text, _ in found]


async def test_the_stop_button_closes_the_upstream(lab: Lab, pictures: Path) -> None:
    show = "shown = await rxs.display_stream(endless())"
    then = "print(shown.stopped, shown.content.startswith('word0 word1 '))"
    async with lab.notebook("stop", SOURCES + show, then) as notebook:
        await notebook.start(0)
        await notebook.written(0, "word20")
        clicked = time.time()
        await notebook.output(0).get_by_role("button", name="Stop").click()
        await notebook.end(0)
        assert closed(notebook) - clicked < 2
        await notebook.written(0, "stopped")
        await lab.page.screenshot(path=pictures / "stopped.png")
        text = await notebook.output(0).inner_text()
        assert "word0 word1 " in text
        assert "Error" not in text
        await notebook.run(1)
        await notebook.written(1, "True True")


async def test_to_interrupt_the_cell_closes_the_upstream(lab: Lab, pictures: Path) -> None:
    show = "await rxs.display_stream(endless())"
    async with lab.notebook("interrupt", SOURCES + show, "print(6 * 7)") as notebook:
        await notebook.start(0)
        await notebook.written(0, "word20")
        clicked = time.time()
        await notebook.interrupt()
        await notebook.end(0)
        assert closed(notebook) - clicked < 2
        await notebook.written(0, "stopped")
        await lab.page.screenshot(path=pictures / "interrupted.png")
        assert "word0 word1 " in await notebook.output(0).inner_text()
        assert await notebook.output(0).locator(".jupyter-widgets").count() == 0
        await notebook.run(1)
        await notebook.written(1, "42")


async def test_an_error_leaves_what_came_and_is_named(lab: Lab, pictures: Path) -> None:
    show = "import rxstream as rxs\nawait rxs.display_stream(rxs.from_recording('19-server-killed'))"
    async with lab.notebook("error", show) as notebook:
        await notebook.run(0)
        await notebook.written(0, "ConnectionLost: the connection died in the middle of the answer")
        await lab.page.screenshot(path=pictures / "failed.png")
        line, rest = (await notebook.output(0).inner_text()).split("\n", 1)
    assert line.startswith("failed: ConnectionLost")
    assert "the fabled dragon of Eldarad" in rest


async def test_an_observable_is_drawn_as_the_boxes_of_its_pipeline(lab: Lab, pictures: Path) -> None:
    chain = "rxs.from_recording('01-prose').pipe(rxs.retry_stream(), rxs.buffer_words())"
    async with lab.notebook("diagram", f"import rxstream as rxs\n{chain}") as notebook:
        await notebook.run(0)
        boxes = notebook.output(0).locator("span[style*=border]")
        await boxes.first.wait_for()
        await lab.page.screenshot(path=pictures / "diagram.png")
        texts = await side_by_side(boxes)
    assert texts == ["from_recording('01-prose')", "retry_stream()", "buffer_words()"]


@pytest.mark.parametrize(
    ("name", "source"),
    [("one", "words(markup)"), ("several", "rxs.from_streams(a=words(markup), b=words(markup, 0.03))")],
    ids=["one text", "lanes"],
)
async def test_nothing_that_a_model_writes_runs_or_loads(
    lab: Lab, pictures: Path, name: str, source: str
) -> None:
    async with lab.notebook(name, f"{SOURCES}{MARKUP}\nawait rxs.display_stream({source})") as notebook:
        await lab.page.evaluate("window.caught = null")
        before = len(lab.strangers)
        await notebook.run(0)
        await notebook.written(0, "the last of it")
        await lab.page.screenshot(path=pictures / f"markup-{name}.png")
        output = notebook.output(0)
        assert await lab.page.evaluate("window.caught") is None
        assert lab.strangers[before:] == []
        assert await output.locator("img, script, a[href^=javascript]").count() == 0
        # It is shown as what it is.
        assert "<script>window.caught = 3</script>" in await output.inner_text()


async def test_before_the_first_token_the_line_says_that_it_waits(lab: Lab) -> None:
    silent = """
async def silent():
    Path("begun").write_text(str(time.time()))
    await anyio.sleep_forever()
    yield ""

await rxs.display_stream(rxs.from_stream(silent))
"""
    # The first widget of a page has it load what draws them.
    async with lab.notebook(
        "silence", f"{SOURCES}\nimport ipywidgets\nipywidgets.HTML('one')", silent
    ) as notebook:
        await notebook.run(0)
        await notebook.written(0, "one")
        await notebook.watch(1)
        await notebook.start(1)
        await notebook.written(1, "waiting")
        seen = await notebook.seen()
        begun = float((notebook.folder / "begun").read_text())
    first = next(frame for frame in seen.frames if "waiting" in frame.line)
    assert first.running
    assert first.at - begun < 1
