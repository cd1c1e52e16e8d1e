"""A reader looks into the log when it has to, and not otherwise."""

import pytest

from rxstream.errors import LogError, StreamOrphaned, UnknownStream
from rxstream.transports.log import LogBatch, LogEntry, LogGap
from rxstream.transports.log_inbox import Found, Inbox
from rxstream.transports.log_reader import LogReader

pytestmark = pytest.mark.anyio


def entries(first: int, last: int, *, ended: bool = False) -> list[LogEntry]:
    return [LogEntry(seq, None, str(seq), ended and seq == last) for seq in range(first, last + 1)]


class Shelf:
    """A log that says what it is told to say."""

    losses = "it was lost"

    def __init__(self, *answers: Found | Exception | None) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []
        self.inboxes: list[Inbox] = []

    def enter(self, stream: str, after: int) -> Inbox:
        assert stream == "a"
        self.inboxes.append(Inbox(after, most_entries=100, most_bytes=100))
        return self.inboxes[-1]

    def leave(self, stream: str, inbox: Inbox) -> None:
        assert stream == "a"
        self.inboxes.remove(inbox)

    async def find(self, stream: str, after: int) -> Found | None:
        assert stream == "a"
        self.asked.append(after)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def found(first: int, last: int, *, ended: bool = False, alive: bool = True, oldest: int = 1) -> Found:
    return Found(oldest, last, ended, alive and not ended, entries(first, last, ended=ended))


async def read(shelf: Shelf, after: int = 0) -> list[LogBatch]:
    batches = [batch async for batch in LogReader(shelf, "a", after)]
    assert shelf.inboxes == []
    return batches


async def test_an_ended_stream_is_read_with_one_look() -> None:
    shelf = Shelf(found(1, 3, ended=True))
    assert await read(shelf) == [entries(1, 3, ended=True)]
    assert shelf.asked == [0]


async def test_what_comes_by_itself_needs_no_look() -> None:
    shelf = Shelf(found(1, 2))
    reader = LogReader(shelf, "a", 0)
    assert await anext(reader) == entries(1, 2)
    shelf.inboxes[0].deliver(entries(3, 3))
    assert await anext(reader) == entries(3, 3)
    shelf.inboxes[0].deliver(entries(4, 4, ended=True))
    assert await anext(reader) == entries(4, 4, ended=True)
    assert await anext(reader, None) is None
    assert shelf.asked == [0]
    assert shelf.inboxes == []


async def test_what_is_missing_is_told_first() -> None:
    shelf = Shelf(found(5, 6, ended=True, oldest=5))
    assert await read(shelf, 1) == [LogGap(2, 4), entries(5, 6, ended=True)]


async def test_there_is_nothing_behind_the_end() -> None:
    shelf = Shelf(Found(1, 3, ended=True, alive=False, entries=[]))
    assert await read(shelf, 3) == []


async def test_an_orphan_is_read_to_where_it_goes_and_looked_at_again() -> None:
    shelf = Shelf(found(1, 2, alive=False), Found(1, 2, ended=False, alive=False, entries=[]))
    reader = LogReader(shelf, "a", 0)
    assert await anext(reader) == entries(1, 2)
    with pytest.raises(StreamOrphaned, match="'a'"):
        await anext(reader)
    assert shelf.asked == [0, 2]
    adopted = Shelf(found(1, 2, alive=False), found(3, 3, ended=True))
    assert await read(adopted) == [entries(1, 2), entries(3, 3, ended=True)]


@pytest.mark.parametrize(
    ("answer", "error"),
    [(None, UnknownStream), (LogError("its disk is full"), LogError)],
    ids=["unknown", "broken"],
)
async def test_a_reader_that_failed_has_left(answer: Exception | None, error: type[Exception]) -> None:
    shelf = Shelf(answer)
    reader = LogReader(shelf, "a", 0)
    with pytest.raises(error):
        await anext(reader)
    assert shelf.inboxes == []
    assert await anext(reader, None) is None
