"""Fenced code blocks, whole or while they are written."""

import re
from collections.abc import Iterable

from rxstream.sansio.blocks import Blocks
from rxstream.sansio.fences import Fence, first_word
from rxstream.sansio.growing import SoLong
from rxstream.sansio.lines import LINE_END, may_go_on
from rxstream.sansio.margin import Margin

__all__ = ("CodeBlock", "CodeBlocks")

_RUNS = {char: re.compile(rf"{char}*+") for char in "`~"}
_SPACE = re.compile(r"[ \t]*+")


class CodeBlock:
    """A fenced code block, or a piece of one that is still being written.

    From ``parse_code_blocks``. ``code`` is all of its code so far, joined when asked for; ``delta`` what is
    new in it. ``language`` is the first word behind the opening fence, its escapes and entities decoded,
    ``info`` all that stands there, as written. ``complete``: the block is over, by its closing fence or by
    the end of the quote or list item that it stands in; not if the text broke off. ``index`` counts the
    blocks of a text from 0.
    """

    __slots__ = ("_code", "complete", "delta", "index", "info", "language")

    def __init__(  # noqa: PLR0917 - an item's fields, in the order of importance
        self,
        code: str | SoLong,
        language: str | None = None,
        info: str = "",
        complete: bool = True,  # noqa: FBT001, FBT002 - as above
        index: int = 0,
        delta: str | None = None,
    ) -> None:
        self._code = code
        self.language = language
        self.info = info
        self.complete = complete
        self.index = index
        self.delta = self.code if delta is None else delta

    @property
    def code(self) -> str:
        """The code so far; each of its lines ends with a line feed, but for one that is unfinished."""
        return str(self._code)

    def _fields(self) -> tuple[object, ...]:
        return self.code, self.language, self.info, self.complete, self.index, self.delta

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CodeBlock):
            return NotImplemented
        return self._fields() == other._fields()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"CodeBlock({self.code!r}, {self.language!r}, {self.info!r}, complete={self.complete}, "
            f"index={self.index}, delta={self.delta!r})"
        )


class CodeBlocks:
    r"""Find fenced code blocks by CommonMark's rules, in quotes and list items too.

    A block comes out when the line of its closing fence is over, when a line comes that is outside of its
    quote or list item, or at the end of the text. Its code is what CommonMark makes of it: indentation
    and marks that belong to what it stands in are gone, line ends are ``\n``, NUL is U+FFFD. A last line
    that the text broke off in is not given a line end.

    With ``partial`` an item comes when the opening line is over, then one for each piece of code, and a
    last one with ``complete``. Held back is only what may still be the closing fence, or the margin of
    the line: white space and marks. A text that breaks off has no last item.

    Holds back the unfinished line outside of code; without ``partial`` the unfinished block.
    """

    __slots__ = (
        "_after_cr",
        "_blocks",
        "_code",
        "_fence",
        "_held",
        "_in_text",
        "_index",
        "_items",
        "_language",
        "_line",
        "_margin",
        "_new",
        "_partial",
        "_read",
        "_run",
    )

    def __init__(self, *, partial: bool = False) -> None:
        self._partial = partial
        #: What came out of this chunk.
        self._items: list[CodeBlock] = []
        self._blocks = Blocks()
        self._index = -1
        self._fence = Fence("`", 3, 0, "")
        self._language: str | None = None
        #: The code of the block so far, and what of it has not come out.
        self._code: list[str] = []
        self._new: list[str] = []
        #: The unfinished line, while it may be something else than code.
        self._line: list[str] = []
        self._margin = Margin()
        #: What may be the closing fence, if it is code after all, and how many fence characters it has.
        self._held: list[str] = []
        self._run = 0
        self._after_cr = False
        #: Whether the line is code up to its end, whatever comes.
        self._in_text = False
        self._read = self._read_outside

    def feed(self, chunk: str) -> Iterable[CodeBlock]:
        """Give the blocks that are over, or with ``partial`` the code that is new."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[0] == "\n":
                chunk = chunk[1:]
        if not chunk:
            return ()
        if "\0" in chunk:
            chunk = chunk.replace("\0", "\ufffd")
        if self._in_text and "\n" not in chunk and "\r" not in chunk:
            self._code.append(chunk)
            return (self._piece(chunk),) if self._partial else ()
        self._items = []
        place, end = 0, len(chunk)
        while place < end:
            place = self._read(chunk, place)
        self._give_new()
        return self._items

    def close(self) -> Iterable[CodeBlock]:
        """Give what the end of the text makes certain."""
        self._items = []
        if self._read == self._read_outside:
            self._end_line()
        elif self._read == self._read_margin and self._line:
            margin = self._margin
            margin.place = 0
            if not margin.enter(self._blocks.containers, "", ended=True):
                self._end()
            else:
                self._release(margin.content(self._fence.indent))
        elif self._run >= self._fence.length:
            self._end()
        else:
            self._release_held()
        if self._blocks.fence is self._fence and self._read != self._read_outside:
            if not self._partial:
                self._items.append(self._whole(complete=False))
            self._give_new()
        return self._items

    # ------------------------------------------------------------ outside of code

    def _read_outside(self, chunk: str, place: int) -> int:
        match = LINE_END.search(chunk, place)
        if match is None:
            self._line.append(chunk[place:])
            return len(chunk)
        self._line.append(chunk[place : match.start()])
        self._end_line()
        return self._behind(match)

    def _end_line(self) -> None:
        blocks = self._blocks
        blocks.line("".join(self._line))
        blocks.begun.clear()  # they mean nothing here, and there is one for every paragraph of a long text
        self._line.clear()
        fence = blocks.fence
        if fence is None:
            return
        self._fence = fence
        self._language = first_word(fence.info)
        self._index += 1
        self._code = []
        self._begin_line()
        if self._partial:
            self._items.append(self._piece(""))

    def _behind(self, line_end: re.Match[str]) -> int:
        """Step over a line end, of which the second half may still come."""
        self._after_cr = may_go_on(line_end)
        return line_end.end()

    # ------------------------------------------------------------ in code

    def _begin_line(self) -> None:
        self._margin.reset()
        self._in_text = False
        self._run = 0
        self._read = self._read_margin

    def _read_margin(self, chunk: str, place: int) -> int:
        """Read the marks of the containers and the white space behind them."""
        margin = self._margin
        margin.place = place
        inside = margin.enter(self._blocks.containers, chunk, ended=False)
        if inside is False:
            self._line.append(chunk[place : margin.place])
            self._end()
            return margin.place
        if inside and margin.indent > 3:
            return self._begin_text()
        if margin.place == len(chunk):
            self._line.append(chunk[place:])
            return margin.place
        if chunk[margin.place] != self._fence.char:
            return self._begin_text()
        self._line.append(chunk[place : margin.place])
        self._held.append(margin.content(self._fence.indent))
        self._read = self._read_run
        return margin.place

    def _begin_text(self) -> int:
        self._line.clear()
        self._release(self._margin.content(self._fence.indent))
        self._in_text = True
        self._read = self._read_text
        return self._margin.place

    def _read_run(self, chunk: str, place: int) -> int:
        """Read what may be the fence characters of the closing fence."""
        end = _RUNS[self._fence.char].match(chunk, place).end()  # type: ignore[union-attr]
        self._run += end - place
        self._held.append(chunk[place:end])
        if end < len(chunk):
            if self._run < self._fence.length:
                self._release_held()
            else:
                self._read = self._read_tail
        return end

    def _read_tail(self, chunk: str, place: int) -> int:
        """Read white space behind the closing fence, up to the line's end."""
        end = _SPACE.match(chunk, place).end()  # type: ignore[union-attr]
        self._held.append(chunk[place:end])
        if end == len(chunk):
            return end
        line_end = LINE_END.match(chunk, end)
        if line_end is None:
            self._release_held()
            return end
        self._blocks.close_fence()
        self._line.clear()
        self._end()
        return self._behind(line_end)

    def _read_text(self, chunk: str, place: int) -> int:
        match = LINE_END.search(chunk, place)
        if match is None:
            self._release(chunk[place:])
            return len(chunk)
        self._release(chunk[place : match.start()] + "\n")
        self._begin_line()
        return self._behind(match)

    # ------------------------------------------------------------ what comes out

    def _release(self, text: str) -> None:
        if text:
            self._code.append(text)
            self._new.append(text)

    def _release_held(self) -> None:
        """Take for code what might have been the closing fence."""
        self._release("".join(self._held))
        self._held.clear()
        self._run = 0
        self._line.clear()
        self._in_text = True
        self._read = self._read_text

    def _give_new(self) -> None:
        if self._new:
            if self._partial:
                self._items.append(self._piece("".join(self._new)))
            self._new.clear()

    def _end(self) -> None:
        """Give the last item of a block; what is in ``_line`` stands behind it."""
        self._items.append(self._piece("".join(self._new), complete=True) if self._partial else self._whole())
        self._new.clear()
        self._held.clear()
        self._in_text = False
        self._read = self._read_outside

    def _piece(self, delta: str, *, complete: bool = False) -> CodeBlock:
        code = SoLong(self._code)
        return CodeBlock(code, self._language, self._fence.info, complete, self._index, delta)

    def _whole(self, *, complete: bool = True) -> CodeBlock:
        return CodeBlock("".join(self._code), self._language, self._fence.info, complete, self._index)
