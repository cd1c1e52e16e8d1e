"""Markdown as finished blocks and the live tail."""

import re
from collections.abc import Iterable

import regex

from rxstream.sansio.blocks import Blocks
from rxstream.sansio.growing import SoLong
from rxstream.sansio.leaves import Block
from rxstream.sansio.line_starts import outlook
from rxstream.sansio.lines import LINE_END, may_go_on
from rxstream.sansio.margin import Container, Margin

__all__ = ("MarkdownBlock", "MarkdownBlocks")

_SPACE = re.compile(r"[ \t]*+")
#: What the second line of a table consists of.
_DELIMITERS = re.compile(r"[-:| \t]*+")
_CODE_FENCE = re.compile(r"`{3,}+[^`]*+\Z")


class MarkdownBlock:
    """A finished block at the top of a document, or a piece of the live tail behind the last one.

    From ``parse_markdown``. Finished (``complete``): ``kind`` is "heading", "paragraph", "list", "table",
    "quote", "code", "rule", "html", "definition" (of a link), or "blank" for a text of blank lines only;
    ``text`` its exact source, blank lines behind it included; ``line`` the line that it begins on, from 0;
    ``level`` that of a heading; ``info`` what stands behind the fence of code.

    Tail: ``kind`` is None, which is what makes it one; ``delta`` is what is new, ``text`` the whole tail so
    far, joined when asked for, and ``line`` the number of the tail's first line. ``index`` counts finished
    blocks from 0; a piece of the tail has that of the next one to finish.
    """

    __slots__ = ("_text", "complete", "delta", "index", "info", "kind", "level", "line")

    def __init__(
        self,
        text: str | SoLong,
        kind: str | None = None,
        *,
        index: int = 0,
        line: int = 0,
        level: int | None = None,
        info: str = "",
        delta: str | None = None,
    ) -> None:
        self._text = text
        self.kind = kind
        self.complete = kind is not None
        self.index = index
        self.line = line
        self.level = level
        self.info = info
        self.delta = ("" if self.complete else self.text) if delta is None else delta

    @property
    def text(self) -> str:
        """The source of the block, or of the tail so far."""
        return str(self._text)

    def _fields(self) -> tuple[object, ...]:
        return self.text, self.kind, self.index, self.line, self.level, self.info, self.delta

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MarkdownBlock):
            return NotImplemented
        return self._fields() == other._fields()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        place = f"index={self.index}, line={self.line}"
        if not self.complete:
            return f"MarkdownBlock({self.text!r}, {place}, delta={self.delta!r})"
        level = "" if self.level is None else f", level={self.level}"
        info = f", info={self.info!r}" if self.info else ""
        return f"MarkdownBlock({self.text!r}, {self.kind!r}, {place}{level}{info})"


class MarkdownBlocks:
    r"""Split Markdown into its blocks, and show at once what is not finished yet.

    Every character comes at once, in the ``delta`` of a piece of the tail; joined they are the text. A
    block comes out finished when nothing can change its extent or its kind any more, before the character
    that decides that: mostly the first one of the next block, since blank lines belong to the block before
    them (at the beginning of the text, to the first one). The finished texts, joined, are the text too.

    Blocks are those of CommonMark, with tables as markdown-it has them: there any line with a pipe in it
    begins a table, if a row of delimiters for as many cells follows, even one that begins like a heading
    or a list. So such a line waits for the next one.

    Holds back nothing, and keeps the tail: the unfinished block.
    """

    __slots__ = (
        "_after_cr",
        "_ahead",
        "_around",
        "_blocks",
        "_column",
        "_decided",
        "_given",
        "_index",
        "_items",
        "_line",
        "_line_place",
        "_line_start",
        "_open",
        "_pending",
        "_pieces",
        "_quiet",
        "_read",
        "_seen",
        "_start",
        "_tail_line",
        "_tail_start",
        "_watch",
    )

    def __init__(self) -> None:
        self._blocks = Blocks()
        #: What came out of this chunk, and up to where the chunk has come out.
        self._items: list[MarkdownBlock] = []
        self._given = 0
        self._index = 0
        #: The tail, where it begins in the text, and how many characters were read in all.
        self._pieces: list[str] = []
        self._tail_start = 0
        self._tail_line = 0
        self._start = 0
        #: The block that the tail begins with, once it is known.
        self._open: Block | None = None
        #: The unfinished line, and where it begins in the text.
        self._line: list[str] = []
        self._line_start = 0
        #: Where it begins, or goes on, in the chunk.
        self._line_place = 0
        #: A line that may be the first of a table, and where it begins.
        self._pending: tuple[str, int] | None = None
        #: The containers that it may stand in, and the margin of the line behind it.
        self._around: list[Container] = []
        self._ahead = Margin()
        self._after_cr = False
        #: Whether nothing can be said about the line before its end.
        self._quiet = True
        self._read = self._read_space
        #: The line's white space, in columns; and the pattern that decides, with what was shown to it.
        self._column = 0
        #: Where in the chunk it was decided that the line ends the block before it; or -1.
        self._decided = -1
        self._watch: regex.Pattern[str] | None = None
        self._seen = ""

    def feed(self, chunk: str) -> Iterable[MarkdownBlock]:
        """Give the new part of the tail, and the blocks that are finished."""
        if not chunk:
            return ()
        if self._quiet and not self._after_cr and "\n" not in chunk and "\r" not in chunk:
            self._line.append(chunk)
            self._pieces.append(chunk)
            self._start += len(chunk)
            return (self._piece(chunk),)
        self._items = []
        self._given = 0
        place, end = 0, len(chunk)
        if self._after_cr:
            self._after_cr = False
            if chunk[0] == "\n":
                place = 1
                self._line_start += 1
        while place < end:
            line_end = LINE_END.search(chunk, place)
            stop = end if line_end is None else line_end.start()
            self._line_place = place
            while place < stop and not self._quiet:
                place = self._read(chunk, place, stop)
            if self._decided >= 0:
                self._end_block(chunk, self._decided)
                self._decided = -1
            self._line.append(chunk[self._line_place : stop])
            place = stop
            if line_end is not None:
                self._end_line(chunk, stop)
                place = line_end.end()
                self._line_start = self._start + place
                self._after_cr = may_go_on(line_end)
        self._give(chunk, end)
        self._start += end
        return self._items

    def close(self) -> Iterable[MarkdownBlock]:
        """Give the rest as finished."""
        self._items = []
        self._given = 0
        if self._line or self._pending is not None:
            self._end_line("", 0)
            if self._pending is not None:
                self._take(*self._pending, "", 0)
        self._blocks.settle()
        self._take_begun("", 0)
        if self._open is not None:
            self._finish(self._start, self._blocks.lines)
        elif self._pieces:
            self._open = Block("blank", 0, 0)
            self._finish(self._start, self._blocks.lines)
        return self._items

    # ------------------------------------------------------------ the beginning of a line

    def _begin_line(self) -> None:
        blocks = self._blocks
        self._column = 0
        self._seen = ""
        if self._pending is not None:
            self._ahead.reset()
            self._read = self._read_marks
            self._quiet = False
            return
        self._read = self._read_space
        self._quiet = self._open is None or blocks.takes_anything

    def _read_marks(self, chunk: str, place: int, stop: int) -> int:
        """Read the marks of the line behind one that may be the first of a table."""
        ahead = self._ahead
        ahead.place = place
        ahead.enter(self._around, chunk, ended=False)
        place = ahead.place
        if place == stop:
            return stop
        if ahead.indent > 3 or chunk[place] not in "-:|":
            return self._take_pending(chunk, place)
        self._read = self._read_dash if chunk[place] == "-" else self._read_delimiters
        return place + 1

    def _read_dash(self, chunk: str, place: int, stop: int) -> int:  # noqa: ARG002 - as the others
        """Read the character behind a first dash: white space makes it an item of a list."""
        if chunk[place] in " \t":
            return self._take_pending(chunk, place)
        self._read = self._read_delimiters
        return place

    def _read_delimiters(self, chunk: str, place: int, stop: int) -> int:
        end = _DELIMITERS.match(chunk, place, stop).end()  # type: ignore[union-attr]
        return end if end == stop else self._take_pending(chunk, end)

    def _take_pending(self, chunk: str, place: int) -> int:
        """Take the line above for no table, since the character at ``place`` says so."""
        pending = self._pending
        assert pending is not None
        self._pending = None
        self._take(*pending, chunk, place)
        self._begin_line()
        # What was read of the line so far may say now what it could not before.
        before = "".join(self._line) + chunk[self._line_place : place + 1]
        read = 0
        while read < len(before) and not self._quiet:
            read = self._read(before, read, len(before))
        if self._decided >= 0:
            self._decided = place
        return place + 1

    def _read_space(self, chunk: str, place: int, stop: int) -> int:
        """Read the white space at the beginning of a line, and what the first character behind it says."""
        end = _SPACE.match(chunk, place, stop).end()  # type: ignore[union-attr]
        if end > place:
            before = self._column % 4
            self._column += len((" " * before + chunk[place:end]).expandtabs(4)) - before
        if end == stop:
            return end
        verdict = outlook(self._blocks, self._column, chunk[end])
        if isinstance(verdict, bool):
            self._quiet = True
            if verdict:
                self._decided = end
        else:
            self._watch = verdict
            self._read = self._read_watched
        return end

    def _read_watched(self, chunk: str, place: int, stop: int) -> int:
        """Show the line to a pattern until that matches or cannot match any more."""
        assert self._watch is not None
        known = len(self._seen)
        seen = self._seen + chunk[place:stop]
        match = self._watch.match(seen, partial=True)
        if match is not None and match.partial:
            # White space of any length says what one space says, and need not be looked at again.
            bare = seen.rstrip(" \t")
            self._seen = seen if bare == seen else bare + " "
            return stop
        self._quiet = True
        if match is not None:
            self._decided = place + match.end() - 1 - known
        return stop

    # ------------------------------------------------------------ the end of a line

    def _end_line(self, chunk: str, place: int) -> None:
        line = "".join(self._line)
        self._line.clear()
        blocks = self._blocks
        start = self._line_start
        pending = self._pending
        if pending is not None:
            self._pending = None
            self._take(*pending, chunk, place, line)
        around = None if "|" not in line or blocks.takes_anything else blocks.reach(line)
        if around is not None:
            self._pending = (line, start)
            self._around = around
            # Whatever the next line makes of this one, the fence has interrupted the block before it.
            if self._watch is not None and self._open is not None and _CODE_FENCE.match(line.lstrip(" \t")):
                self._end_block(chunk, place)
        else:
            self._take(line, start, chunk, place)
        self._watch = None
        self._begin_line()

    def _take(self, line: str, start: int, chunk: str, place: int, following: str | None = None) -> None:
        """Give a line to the blocks, and finish those that are over with it."""
        self._blocks.line(line, following, start)
        self._take_begun(chunk, place)

    def _take_begun(self, chunk: str, place: int) -> None:
        """Finish the blocks that are over since others have begun."""
        blocks = self._blocks
        if blocks.begun:
            for block in blocks.begun:
                if self._open is not None:
                    self._give(chunk, place)
                    self._finish(block.start, block.line)
                self._open = block
            blocks.begun.clear()

    # ------------------------------------------------------------ what comes out

    def _give(self, chunk: str, place: int) -> None:
        """Give the chunk up to ``place``."""
        if place > self._given:
            new = chunk[self._given : place]
            self._given = place
            self._pieces.append(new)
            self._items.append(self._piece(new))

    def _piece(self, delta: str) -> MarkdownBlock:
        return MarkdownBlock(SoLong(self._pieces), index=self._index, line=self._tail_line, delta=delta)

    def _end_block(self, chunk: str, place: int) -> None:
        """Finish the block that ends with the line before this one."""
        self._blocks.settle()
        self._take_begun(chunk, place)
        self._give(chunk, place)
        self._finish(self._line_start, self._blocks.lines)

    def _finish(self, end: int, line: int) -> None:
        """Finish the block that the tail begins with; it ends at ``end``, and what is behind it stays."""
        block = self._open
        assert block is not None
        self._open = None
        tail = "".join(self._pieces)
        size = end - self._tail_start
        text, rest = tail[:size], tail[size:]
        self._items.append(
            MarkdownBlock(
                text,
                block.kind,
                index=self._index,
                line=block.line,
                level=block.level,
                info=block.info,
            )
        )
        self._index += 1
        self._pieces = [rest] if rest else []
        self._tail_start = end
        self._tail_line = line
