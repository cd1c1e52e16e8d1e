"""The blocks of a Markdown document, line by line: CommonMark's containers and leaves, and pipe tables.

Only the structure of blocks is found, nothing of what stands inside of a paragraph. A link reference
definition is a block of its own, as in markdown-it: what follows it begins afresh.
"""

import re

from rxstream.sansio.definitions import Definition, Progress
from rxstream.sansio.fences import Fence, find_fence
from rxstream.sansio.html_blocks import COMPLETE_TAG, ends_html, html_kind
from rxstream.sansio.leaves import Block, Leaf
from rxstream.sansio.margin import Container, Margin
from rxstream.sansio.marks import HEADING, MARKER, RULES, SPECIAL, UNDERLINE, enter_item, interrupts
from rxstream.sansio.tables import begins_table

__all__ = ("MAX_DEPTH", "Blocks")

#: How deep quotes and lists may stand in one another. Deeper marks are text: a line of a million ``>``
#: would otherwise cost a million steps, and each line behind it the same again.
MAX_DEPTH = 100

_SPACE = re.compile(r"[ \t]*+\Z")


class Blocks:
    """Takes lines, without their ends, and knows after each what is open.

    ``top`` is the block at the top of the document that the last line which is not blank belongs to, and
    ``begun`` are all those that began since somebody cleared it.
    """

    __slots__ = (
        "_definition",
        "_html",
        "_margin",
        "_row",
        "_rule",
        "_start",
        "_title",
        "begun",
        "containers",
        "fence",
        "leaf",
        "lines",
        "top",
    )

    def __init__(self) -> None:
        self.containers: list[Container] = []
        self.leaf = Leaf.NONE
        #: The fence that is open.
        self.fence: Fence | None = None
        #: How many lines there were.
        self.lines = 0
        self.top = Block("", 0, 0)
        self.begun: list[Block] = []
        self._margin = Margin()
        self._definition: Definition | None = None
        #: The line on which the title of a definition that was complete before began.
        self._title = (0, 0)
        self._start = 0
        self._html = 0
        #: Where in the line a run of marks and white space ended that was too short to be a rule.
        self._rule = ("", 0)
        #: Whether the next line is the delimiter row of a table that has begun.
        self._row = False

    def line(self, line: str, following: str | None = None, start: int = 0) -> None:
        """Take a line that begins at ``start``; ``following`` is the next one, if a table may begin here."""
        self._start = start
        if not line and not self.containers and self.leaf is Leaf.NONE:
            self.lines += 1
            return
        margin = self._margin
        margin.reset()
        inside = margin.enter(self.containers, line, ended=True)
        blank = margin.place == len(line)
        leaf = self.leaf
        if inside:
            if self._row:
                self._row = False
            elif leaf is Leaf.FENCE or leaf is Leaf.HTML:
                if self._is_last_line(line, blank=blank):
                    self._end_leaf()
            elif blank:
                if leaf is not Leaf.INDENTED:
                    self._end_leaf()
            elif leaf is not Leaf.INDENTED or margin.indent < 4:
                self._take_text(line, following, inside=True)
        elif blank:
            self._end_unmatched()
        else:
            self._take_text(line, following, inside=False)
        self.lines += 1

    @property
    def takes_anything(self) -> bool:
        """Whether the next line is taken by a leaf at the top whatever it says."""
        return not self.containers and (self.leaf is Leaf.FENCE or self.leaf is Leaf.HTML)

    def has_paragraph(self, char: str) -> bool:
        """Tell whether a paragraph is open that a line which begins with this character may go on with."""
        if self.leaf is not Leaf.PARAGRAPH:
            return False
        return self._definition is None or self._definition.may_go_on_with(char, 0)

    def reach(self, line: str) -> list[Container] | None:
        """Give the containers that the next line can stand in, by its marks alone; None if it is code."""
        margin = Margin()
        margin.enter(self.containers, line, ended=True)
        if margin.indent > 3:
            return None
        found = self.containers[: margin.depth]
        while len(found) < MAX_DEPTH and margin.indent < 4 and margin.place < len(line):
            marker = MARKER.match(line, margin.place)
            if marker is not None:
                found.append(enter_item(margin, line, marker))
            elif line[margin.place] == ">":
                margin.quote()
                margin.skip_space(line)
                found.append(Container(">"))
            else:
                break
        return found

    def settle(self) -> None:
        """Take what may be the title of a definition for what it is without any more lines."""
        if self._definition is not None and self._definition.progress is Progress.TITLE:
            self._roll_back()

    def close_fence(self) -> None:
        """Take the line that closes the fence, which somebody else has read."""
        self._end_leaf()
        self.lines += 1

    def _is_last_line(self, line: str, *, blank: bool) -> bool:
        """Tell whether the line ends the code or the HTML that takes it."""
        place = self._margin.place
        if self.fence is not None:
            return self._margin.indent < 4 and self.fence.closed_by(line, place)
        return self._html >= 6 if blank else ends_html(self._html, line, place)

    # ------------------------------------------------------------ a line of text

    def _take_text(  # noqa: C901, PLR0912 - the order of the cases is CommonMark's
        self, line: str, following: str | None, *, inside: bool
    ) -> None:
        """Take a line that is not blank, and not taken by an open leaf whatever it says."""
        margin = self._margin
        if margin.depth:
            self.containers[margin.depth - 1].empty = False
        if (
            self.leaf is Leaf.PARAGRAPH
            and self._definition is not None
            and not self._goes_on_with_definition(line, lazy=not inside)
        ):
            self.leaf = Leaf.NONE
        # What is open, as seen by a block that begins here: a paragraph that this line may go on with,
        # in its containers or, lazily, without their marks; or a table.
        paragraph = inside and self.leaf is Leaf.PARAGRAPH
        lazy = not inside and self.leaf is Leaf.PARAGRAPH
        table = inside and self.leaf is Leaf.TABLE
        self._rule = ("", 0)
        pipe = -1 if following is None or (table and not interrupts(line, margin.place)) else line.rfind("|")
        while margin.place < len(line):
            if margin.indent > 3:
                if not (paragraph or lazy):
                    self._begin(Leaf.INDENTED, "code")
                    return
                break
            if (
                following is not None
                and pipe >= margin.place
                and self._begins_table(line, following, paragraph=paragraph, lazy=lazy)
            ):
                return
            char = line[margin.place]
            if char not in SPECIAL:
                break
            if char == ">" and margin.depth < MAX_DEPTH:
                self._begin_quote(line)
            elif self._begins_leaf(line, char, paragraph=paragraph, lazy=lazy or table):
                return
            elif margin.depth >= MAX_DEPTH or not self._begins_item(line, paragraph=paragraph):
                break
            paragraph = lazy = table = False
        else:
            return
        if table:
            return
        if not (paragraph or lazy):
            self._begin(Leaf.PARAGRAPH, "paragraph")
            if line[margin.place] == "[" and margin.indent < 4:
                self._definition = Definition()
        if self._definition is not None:
            self._read_definition(line)

    def _begins_leaf(self, line: str, char: str, *, paragraph: bool, lazy: bool) -> bool:
        """Begin a leaf that has a mark of its own; in the order in which CommonMark asks for them."""
        margin = self._margin
        place = margin.place
        if char == "#":
            match = HEADING.match(line, place)
            if match is None:
                return False
            self._begin(Leaf.NONE, "heading").level = len(match[1])
            return True
        if char in "`~":
            fence = find_fence(line, place, margin.indent)
            if fence is None:
                return False
            self._begin(Leaf.FENCE, "code").info = fence.info
            self.fence = fence
            return True
        if char == "<":
            kind = html_kind(line, place)
            if not kind or (kind == COMPLETE_TAG and (paragraph or lazy)):
                return False
            over = ends_html(kind, line, place)
            self._begin(Leaf.NONE if over else Leaf.HTML, "html")
            self._html = kind
            return True
        if char in "=-" and paragraph and self._underlines(line):
            if not margin.depth:
                self.top.kind = "heading"
                self.top.level = 1 if char == "=" else 2
            self._end_leaf()
            return True
        if char in "*-_" and self._is_rule(line, char):
            self._begin(Leaf.NONE, "rule")
            return True
        return False

    def _underlines(self, line: str) -> bool:
        """Tell whether the line makes a heading of the open paragraph."""
        match = UNDERLINE.match(line, self._margin.place)
        if match is None:
            return False
        if self._definition is not None:
            # It is the destination of what may be a definition, unless it is a rule or an item too, which no
            # definition goes on with. A label or a title that is open at an underline is none.
            if self._definition.wants_destination and (match[1][0] == "=" or len(match[1]) == 2):
                return False
            self.settle()
        return True

    def _is_rule(self, line: str, char: str) -> bool:
        """Tell whether the rest of the line is a thematic break.

        In a line of a million ``- `` that ends with a letter this is asked at every ``-``: the end of the
        run is found once.
        """
        place = self._margin.place
        if self._rule[0] == char and place < self._rule[1]:
            return False
        end = RULES[char].match(line, place).end()  # type: ignore[union-attr]
        if end < len(line):
            self._rule = (char, end)
            return False
        return line.count(char, place) >= 3

    # ------------------------------------------------------------ beginnings

    def _begin(self, leaf: Leaf, kind: str) -> Block:
        """Begin a leaf behind the marks that were found, and end what they do not hold."""
        self._end_unmatched()
        self.leaf = leaf
        if self._margin.depth:
            return Block(kind, self.lines, self._start)
        return self._begin_top(kind)

    def _begin_top(self, kind: str, marker: str = "", line: tuple[int, int] | None = None) -> Block:
        """Begin a block at the top; an item goes on with the list that stands there."""
        top = self.top
        if marker and top.marker == marker:
            return top
        self.top = top = Block(kind, *(line or (self.lines, self._start)))
        top.marker = marker
        self.begun.append(top)
        return top

    def _begin_quote(self, line: str) -> None:
        self._end_unmatched()
        if not self._margin.depth:
            self._begin_top("quote")
        self._push(Container(">"))
        self._margin.quote()
        self._margin.skip_space(line)

    def _begins_item(self, line: str, *, paragraph: bool) -> bool:
        margin = self._margin
        match = MARKER.match(line, margin.place)
        if match is None:
            return False
        empty = _SPACE.match(line, match.end()) is not None
        if paragraph and (empty or int(match[1] or 1) != 1):
            return False
        self._end_unmatched()
        marker = line[match.end() - 1]
        if not margin.depth:
            self._begin_top("list", marker)
        self._push(enter_item(margin, line, match))
        return True

    def _push(self, container: Container) -> None:
        self.containers.append(container)
        self._margin.depth += 1

    def _begins_table(self, line: str, following: str, *, paragraph: bool, lazy: bool) -> bool:
        """Begin a table, if the next line says so: a line that may be its first is all that it looks like.

        As in markdown-it, a line that a paragraph could go on with lazily begins a table only if the
        next one stands in the items that this one left.
        """
        margin = self._margin
        depth = margin.depth
        lazy = lazy and not interrupts(line, margin.place)
        if lazy and not all(container.width for container in self.containers[depth:]):
            return False
        around = self.containers if lazy else self.containers[:depth]
        if not begins_table(line, margin.place, following, around, depth):
            return False
        if not paragraph and self._goes_on_with_list(line):
            return False
        self._begin(Leaf.TABLE, "table")
        self._row = True
        return True

    def _goes_on_with_list(self, line: str) -> bool:
        """Tell whether the next item of an open list begins here: that comes before a table."""
        match = MARKER.match(line, self._margin.place)
        if match is None:
            return False
        depth = self._margin.depth
        marker = line[match.end() - 1]
        if not depth:
            return marker == self.top.marker
        return depth < len(self.containers) and marker == self.containers[depth].marker

    # ------------------------------------------------------------ ends

    def _end_unmatched(self) -> None:
        self._end_leaf()
        del self.containers[self._margin.depth :]

    def _end_leaf(self) -> None:
        self.settle()
        self._definition = None
        self.leaf = Leaf.NONE
        self.fence = None

    # ------------------------------------------------------------ definitions

    def _goes_on_with_definition(self, line: str, *, lazy: bool) -> bool:
        """Tell whether the line can belong to the definition above it, or to the paragraph that it is."""
        definition = self._definition
        assert definition is not None
        margin = self._margin
        if not definition.may_go_on_with(line, margin.place):
            self._definition = None
            return False
        if margin.indent < 4 and MARKER.match(line, margin.place):
            # An item that may not interrupt a paragraph interrupts a definition all the same.
            self.settle()
            self._definition = None
        elif definition.progress is Progress.COMPLETE:
            self._title = (self.lines, self._start)
            alone = lazy or margin.indent > 3
            if alone and definition.take(line, margin.place) is not Progress.OVER:
                self._definition = None
                return False
        return True

    def _read_definition(self, line: str) -> None:
        definition = self._definition
        assert definition is not None
        progress = definition.progress
        if progress is not Progress.OVER:
            progress = definition.take(line, self._margin.place)
        if progress is Progress.COMPLETE or progress is Progress.OVER:
            if not self.containers:
                self.top.kind = "definition"
            if progress is Progress.OVER:
                self._definition = None
                self.leaf = Leaf.NONE
        elif progress is Progress.ROLLED_BACK:
            self._roll_back()
        elif progress is Progress.FAILED:
            self._definition = None

    def _roll_back(self) -> None:
        """Make a paragraph of what began as the title of a definition that is complete without it."""
        self._definition = None
        if not self.containers:
            self._begin_top("paragraph", line=self._title)
