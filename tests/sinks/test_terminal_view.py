import io
import re
from typing import Any

import pyte
import pyte.modes
import pytest
from rich.console import Console
from rich.panel import Panel

import rxstream as rxs
from rxstream.items import Restarted, Tagged
from rxstream.sinks.lane import Lanes
from rxstream.sinks.terminal_view import TerminalView


class Screen:
    """A terminal, and what one sees on it; or a file."""

    def __init__(self, *, terminal: bool, width: int = 60, height: int = 12) -> None:
        self._file = io.StringIO()
        self._shown: Any = pyte.HistoryScreen(width, height, history=1000)
        self._shown.set_mode(pyte.modes.LNM)  # a line feed goes to the beginning of the line, as a tty has it
        self._stream: Any = pyte.Stream(self._shown)
        self._read = 0
        self._is_terminal = terminal
        self.console = Console(
            file=self._file,
            force_terminal=terminal,
            width=width,
            height=height,
            color_system=None,
            legacy_windows=False,
            _environ={},
        )
        self.view = TerminalView(self.console)
        self.lanes = Lanes(self.view.is_picture, "", 0.0)
        self.view.open(lambda: None)

    @property
    def written(self) -> str:
        return self._file.getvalue()

    @property
    def lines(self) -> list[str]:
        """What stands there, with what has scrolled out of sight."""
        if not self._is_terminal:
            return [line.rstrip() for line in self.written.split("\n")]
        self._stream.feed(self.written[self._read :])
        self._read = len(self.written)
        gone = ["".join(row[x].data for x in range(self._shown.columns)) for row in self._shown.history.top]
        return [line.rstrip() for line in (*gone, *self._shown.display)]

    @property
    def in_sight(self) -> list[str]:
        """What stands there without what has scrolled out of sight."""
        return self.lines[-self._shown.lines :]

    def show(self, *items: Any) -> list[str]:
        for item in items:
            self.lanes.add(item, 0.0)
        self.view.show(self.lanes.all, 1.0, as_one=self.lanes.is_one_text)
        return self.lines

    def close(self) -> list[str]:
        self.lanes.close(1.0, "completed", None)
        self.view.close(self.lanes.all, 1.0, as_one=self.lanes.is_one_text)
        return self.lines


@pytest.fixture(params=[True, False], ids=["terminal", "file"])
def screen(request: pytest.FixtureRequest) -> Screen:
    return Screen(terminal=request.param)


@pytest.fixture
def terminal() -> Screen:
    return Screen(terminal=True)


@pytest.fixture
def file() -> Screen:
    return Screen(terminal=False)


def test_a_finished_block_is_printed_once(screen: Screen) -> None:
    screen.show("first par")
    screen.show("agraph\n\nsecond")
    for word in ("a", "b", "c"):
        screen.show(word)
    assert screen.close()[:4] == [
        "first paragraph",
        "",
        "secondabc",
        "done · 0.00 s to first item · 5 items · 1.0 s",
    ]
    # Drawn twice at the most: as the tail, before it was finished, and when it was.
    assert screen.written.count("first paragraph") == 1


def test_the_tail_grows(terminal: Screen) -> None:
    assert terminal.show("begin")[:2] == ["begin", "writing · 0.00 s to first item · 1 item · 1.0 s"]
    assert terminal.show("ning")[:2] == [
        "beginning",
        "writing · 0.00 s to first item · 2 items · 1.0 s",
    ]
    assert terminal.show("\n\nend")[:4] == [
        "beginning",
        "",
        "end",
        "writing · 0.00 s to first item · 3 items · 1.0 s",
    ]


def test_a_file_has_only_what_is_finished(file: Screen) -> None:
    assert file.show("begin") == [""]
    assert file.close()[:2] == ["begin", "done · 0.00 s to first item · 1 item · 1.0 s"]
    assert "\x1b" not in file.written


def test_a_terminal_is_left_as_it_was(terminal: Screen) -> None:
    terminal.show("text")
    terminal.close()
    assert terminal.written.count("\x1b[?25l") == terminal.written.count("\x1b[?25h") == 1


def test_a_tail_that_is_too_long_shows_its_end(terminal: Screen) -> None:
    numbers = [f" line {n}" for n in range(30)]
    terminal.show("```\n" + "".join(f"line {n}\n" for n in range(30)))
    assert " line 29" in terminal.in_sight
    assert " line 2" not in terminal.lines
    # And at the end all of it stands there, once.
    assert [line for line in terminal.close() if line.startswith(" line")] == numbers


def test_a_restart_says_so(screen: Screen) -> None:
    screen.show("old\n\nolder")
    screen.show(Restarted(2), "new")
    assert [line for line in screen.close() if line][:3] == [
        "old",
        "begun anew:",
        "new",
    ]


def test_a_model_cannot_move_the_cursor(screen: Screen) -> None:
    screen.show("a\x1b[2Jb\x07c\x9b31md")
    assert screen.close()[0] == "a[2Jbc31md"
    assert "\x1b[2J" not in screen.written
    assert "\x07" not in screen.written
    assert "\x9b" not in screen.written


@pytest.mark.parametrize(("item", "is_one"), [(Panel("a"), True), ("a", False), (1, False), (Panel, False)])
def test_what_rich_can_draw_is_a_picture(item: Any, is_one: bool) -> None:
    assert TerminalView().is_picture(item) == is_one


def test_the_newest_picture_is_left_standing(screen: Screen) -> None:
    screen.show(Panel("former"))
    screen.show(Panel("latter"))
    end = "".join(screen.close())
    assert end.count("latter") == 1
    assert "former" not in end


def test_a_document_that_is_being_written_is_shown_as_json(screen: Screen) -> None:
    screen.show(*rxs.run(rxs.from_stream(['{"a": [1, 2']).pipe(rxs.parse_partial_json())))
    assert '   "a": [' in screen.close()


class TestLanes:
    def test_they_stand_side_by_side(self, terminal: Screen) -> None:
        drawn = terminal.show(Tagged("fast", "one"), Tagged("slow", "two"))
        assert any(re.fullmatch(r"fast +slow", line) for line in drawn)
        assert any(re.fullmatch(r"one +two", line) for line in drawn)

    def test_of_each_the_end_is_drawn_and_at_last_all_is_printed(self, terminal: Screen) -> None:
        terminal.show(Tagged("a", "beginning\n\n"), Tagged("b", "x"))
        terminal.show(*(Tagged("a", f"block {n}\n\n") for n in range(20)))
        assert any("block 19" in line for line in terminal.in_sight)
        assert not any("beginning" in line for line in terminal.lines)
        end = "\n".join(terminal.close())
        assert [end.count(f"block {n}\n") for n in range(20)] == [1] * 20
        assert "beginning" in end

    def test_a_file_has_them_at_the_end(self, file: Screen) -> None:
        assert file.show(Tagged("a", "one"), Tagged("b", "two")) == [""]
        assert any(re.fullmatch(r"one +two", line) for line in file.close())

    def test_a_restart_clears_its_lane(self, screen: Screen) -> None:
        screen.show(Tagged("a", "old\n\nolder"), Tagged("b", "stays"))
        screen.show(Tagged("a", Restarted(2)), Tagged("a", "new"))
        end = "\n".join(screen.close())
        assert "old" not in end
        assert "new" in end
        assert "stays" in end

    def test_a_window_of_another_width_is_laid_out_anew(self) -> None:
        def laid_out(width: int) -> str:
            screen = Screen(terminal=False)
            screen.show(Tagged("a", "a long line of many words\n\nb"), Tagged("b", "x"))
            screen.console.print(screen.view._grid(screen.lanes.all, 1.0, None))  # pyright: ignore[reportPrivateUsage]
            screen.console.width = width
            start = len(screen.written)
            screen.close()
            return screen.written[start:]

        assert "a long line of many words" in laid_out(60)
        assert "a long line of many words" not in laid_out(24)
