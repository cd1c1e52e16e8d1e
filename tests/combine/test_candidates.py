"""What ``race_streams`` and ``hedge_stream`` share: who is told of the losers, and what."""

from typing import Any, Literal

import anyio
import pytest

from rxstream.combine.candidates import Lost
from rxstream.combine.race import race_streams
from rxstream.errors import AllStreamsFailed, EmptyStream, StreamTruncated
from rxstream.items import Restarted, StreamChunk, StreamResult, Usage
from rxstream.testing import VirtualClock
from tests.combine.laws import read, timed
from tests.laws.source import Source, stall

Backend = Literal["asyncio", "trio"]

racing: Any = race_streams

NOTHING = Usage(estimated=True)


def test_a_loser_is_reported_with_what_it_had_sent_and_what_it_cost(anyio_backend: Backend) -> None:
    counted = Usage(5, 0, 5)
    asked = StreamChunk("", role="assistant", model="m", usage=counted)
    lost: list[Lost] = []
    first = timed((2, "Hi"), end=3)
    stream: Any = first.pipe(racing(timed((1, asked)), timed(), on_lost=lost.append))
    assert VirtualClock().run(read, stream, backend=anyio_backend) == (["Hi"], None)
    assert lost == [
        Lost(1, StreamResult("", total_tokens=5, usage=counted, model="m"), None, counted),
        Lost(2, StreamResult(""), None, NOTHING),
    ]


def test_who_fails_is_reported_then_and_not_once_more(anyio_backend: Backend) -> None:
    gone = OSError("gone")
    lost: list[Lost] = []
    late = timed((9, "Hi"), end=9)
    stream: Any = timed(end=2, error=gone).pipe(racing(timed(end=1), late, on_lost=lost.append))
    assert VirtualClock().run(read, stream, backend=anyio_backend) == (["Hi"], None)
    assert [one.source for one in lost] == [1, 0]
    assert isinstance(lost[0].error, EmptyStream)
    assert lost[1].error is gone


def test_if_all_fail_each_has_been_reported(anyio_backend: Backend) -> None:
    lost: list[Lost] = []
    stream: Any = timed(end=2).pipe(racing(timed(end=1), on_lost=lost.append))
    _, error = VirtualClock().run(read, stream, backend=anyio_backend)
    assert isinstance(error, AllStreamsFailed)
    assert [one.error for one in lost] == list(reversed(error.exceptions))


def test_what_an_operator_had_held_back_is_known_from_the_error(anyio_backend: Backend) -> None:
    """As with ``buffer_sentences`` in front: the answer had begun, though no sentence was out."""
    partial = StreamResult("Nine char", reasoning="hm")
    cut = StreamTruncated("cut", partial=partial)
    lost: list[Lost] = []
    stream: Any = timed(end=1, error=cut).pipe(racing(timed((2, "Hi"), end=3), on_lost=lost.append))
    VirtualClock().run(read, stream, backend=anyio_backend)
    assert lost == [
        Lost(0, partial, cut, Usage(completion_tokens=3, total_tokens=3, estimated=True)),
    ]


def test_of_an_answer_that_restarted_only_what_came_then_counts(anyio_backend: Backend) -> None:
    lost: list[Lost] = []
    counted = StreamChunk("", "stop", usage=Usage(5, 0, 5))
    stream: Any = timed((1, counted), (2, Restarted(2))).pipe(
        racing(timed((3, "Hi"), end=4), on_lost=lost.append)
    )
    VirtualClock().run(read, stream, backend=anyio_backend)
    assert lost == [Lost(0, StreamResult(""), None, NOTHING)]


@pytest.mark.parametrize("when", ["it fails", "it is too slow"])
def test_what_the_hook_raises_ends_the_stream(when: str, anyio_backend: Backend) -> None:
    mine = [KeyError("first"), KeyError("second")]
    raised = iter(mine)

    def fail(_: Lost) -> None:
        raise next(raised)

    sources = [Source(["Hi"], stall), Source([], stall), Source([], stall)]
    first, *others = (source.observable for source in sources)
    if when == "it fails":
        sources.append(Source([], stall))
        first, *others = timed(end=0, error=OSError("gone")), sources[1].observable, sources[2].observable
    came, error = VirtualClock().run(read, first.pipe(racing(*others, on_lost=fail)), backend=anyio_backend)
    assert came == []
    assert error is mine[0]
    notes = getattr(error, "__notes__", [])
    assert notes == (
        [] if when == "it fails" else ["on_lost then failed for stream 2, too: KeyError('second')"]
    )
    assert all(source.closed in ([], [1]) for source in sources)


def test_leaving_a_race_is_no_loss(anyio_backend: Backend) -> None:
    lost: list[Lost] = []

    async def main() -> None:
        with anyio.move_on_after(5):
            await read(timed().pipe(racing(timed(), on_lost=lost.append)))

    VirtualClock().run(main, backend=anyio_backend)
    assert lost == []
