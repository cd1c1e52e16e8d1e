"""What a block of a document is: at the top, and at the end of the containers."""

from enum import Enum

__all__ = ("Block", "Leaf")


class Leaf(Enum):
    """What the next line may go on with, inside of the containers."""

    NONE = 0
    PARAGRAPH = 1
    INDENTED = 2
    FENCE = 3
    HTML = 4
    TABLE = 5


class Block:
    """A block at the top of the document; what it is may change until it is over."""

    __slots__ = ("info", "kind", "level", "line", "marker", "start")

    def __init__(self, kind: str, line: int, start: int) -> None:
        self.kind = kind
        #: The number of its first line, from 0, and where in the text that begins.
        self.line = line
        self.start = start
        self.level: int | None = None
        self.info = ""
        #: What the items of a list begin with.
        self.marker = ""
