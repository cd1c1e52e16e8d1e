"""Who reads which stream, and is told of it. What the logs make of that, their own tests show."""

from rxstream.transports.log import LogEntry
from rxstream.transports.log_inbox import Found
from rxstream.transports.log_readers import Readers

ENTRY = LogEntry(1, None, "a")


class Kept(Readers):
    """Keeps who has left."""

    def __init__(self) -> None:
        super().__init__(max_events=2, max_bytes=100)
        self.left: list[str] = []

    def _left(self, stream: str) -> None:
        super()._left(stream)
        self.left.append(stream)


def test_each_is_told_of_its_own_stream_until_it_leaves() -> None:
    readers = Kept()
    one, other, third = readers.enter("a", 0), readers.enter("a", 0), readers.enter("b", 0)
    for inbox in (one, other, third):
        inbox.begin_look()
        inbox.end_look(Found(1, 0, ended=False, alive=True, entries=[]))
    readers.deliver("a", [ENTRY])
    readers.deliver("nobody", [ENTRY])
    assert [inbox.take() for inbox in (one, other, third)] == [[ENTRY], [ENTRY], []]
    readers.look("b")
    readers.look("nobody")
    assert (one.behind, third.behind) == (False, True)
    readers.leave("a", one)
    assert readers.is_read("a")
    assert readers.left == []
    readers.leave("a", other)
    assert not readers.is_read("a")
    assert readers.left == ["a"]


def test_an_inbox_keeps_no_more_than_the_log_does() -> None:
    inbox = Readers(max_events=2, max_bytes=100).enter("a", 0)
    inbox.begin_look()
    inbox.end_look(Found(1, 0, ended=False, alive=True, entries=[]))
    inbox.deliver([LogEntry(seq, None, "a") for seq in (1, 2, 3)])
    assert inbox.behind
    assert inbox.take() == []
