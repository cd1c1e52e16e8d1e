"""A stream as the log in memory holds it, against a list of all that was written."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.transports.log import LogEntry, LogGap, size_of
from rxstream.transports.memory_stream import Held

FRAMES = st.tuples(st.sampled_from([None, "chunk", "done"]), st.text("aé\U0001f600\ud800", max_size=6))


def held_of(frames: list[tuple[str | None, str]], *, ended: bool = False) -> Held:
    held = Held("s", None, "{}", 0.0)
    for event, data in frames:
        held.names.append(event)
        held.texts.append(data)
        held.bytes += size_of(data)
    held.newest = len(frames)
    held.ended = ended
    return held


@given(
    st.lists(FRAMES, min_size=1, max_size=30),
    st.integers(1, 20),
    st.integers(1, 60),
    st.booleans(),
    st.data(),
)
@example([("chunk", "aaaaaa"), ("chunk", "aaaaaa")], 20, 3, True, None)
def test_what_is_held_is_the_end_of_what_was_written(
    frames: list[tuple[str | None, str]],
    max_events: int,
    max_bytes: int,
    ended: bool,
    data: st.DataObject | None,
) -> None:
    held = held_of(frames, ended=ended)
    held.trim(max_events, max_bytes)
    count = len(held.texts)
    # As many as may be, and always the newest.
    sizes = [size_of(text) for _, text in frames]
    assert held.bytes == sum(sizes[-count:])
    assert count == 1 or (count <= max_events and held.bytes <= max_bytes)
    assert count in {len(frames), max_events} or sum(sizes[-count - 1 :]) > max_bytes
    assert held.oldest == len(frames) - count + 1
    written = [LogEntry(seq, *frame, ended and seq == len(frames)) for seq, frame in enumerate(frames, 1)]
    after = 0 if data is None else data.draw(st.integers(0, len(frames) - 1))
    found = held.behind(after)
    if after + 1 < held.oldest:
        assert found == LogGap(after + 1, held.oldest - 1)
        found = held.behind(held.oldest - 1)
        after = held.oldest - 1
    assert found == written[after:]


def test_before_the_first_entry_there_is_none() -> None:
    assert held_of([]).oldest == 0


@pytest.mark.parametrize("bound", [0, 1])
def test_the_newest_is_always_there(bound: int) -> None:
    held = held_of([("chunk", "ab"), ("chunk", "cd")])
    held.trim(10, bound)
    assert [*held.texts] == ["cd"]
