"""Frames as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.items import SSEEvent
from rxstream.transports.log import LogEntry
from rxstream.transports.sse_framing import HEARTBEAT, Framing
from tests.transports.asgi import events_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.none() | st.text("abc-", min_size=1, max_size=5)


@given(st.lists(st.tuples(NAMES, TEXTS)), st.none() | st.integers(0, 10**6))
def test_frames_come_back(frames: list[tuple[str | None, str]], retry: int | None) -> None:
    framing = Framing(retry=retry)
    body = b"".join([framing.frames([frame]) for frame in frames])
    assert body == Framing(retry=retry).frames(frames)
    expected = [
        SSEEvent(data.replace("\r\n", "\n").replace("\r", "\n"), name, None, None) for name, data in frames
    ]
    if expected:
        expected[0].retry = retry
    assert events_of(body) == expected
    assert framing.events == len(frames)


@given(st.lists(st.tuples(NAMES, TEXTS)))
def test_it_writes_what_an_event_of_ours_writes(frames: list[tuple[str | None, str]]) -> None:
    assert Framing().frames(frames).decode() == "".join(
        [SSEEvent(data, name).encode() for name, data in frames]
    )


def test_entries_have_their_ids() -> None:
    framing = Framing(stream="a-b", retry=5)
    body = framing.entries([LogEntry(9, "chunk", "x"), LogEntry(10, None, "y\nz", last=True)])
    assert body == b"event: chunk\nretry: 5\nid: a-b-9\ndata: x\n\nid: a-b-10\ndata: y\ndata: z\n\n"
    assert framing.events == 2


def test_half_a_surrogate_pair_does_not_end_the_stream() -> None:
    assert Framing().frames([(None, "a\ud800b")]) == b"data: a?b\n\n"


def test_a_name_of_an_event_is_one_line() -> None:
    with pytest.raises(ValueError, match="event"):
        Framing().frames([("a\ndata: b", "")])


def test_trap_01_a_heartbeat_ends_no_event() -> None:
    assert HEARTBEAT.startswith(b":")
    assert HEARTBEAT.count(b"\n") == 1
    assert HEARTBEAT.endswith(b"\n")


def test_trap_02_the_reconnection_time_stands_in_an_event_with_data() -> None:
    first, second = Framing(retry=3), Framing(stream="s", retry=3)
    assert first.frames([(None, "x"), (None, "y")]).split(b"\n\n")[0] == b"retry: 3\ndata: x"
    assert second.entries([LogEntry(1, None, "x")]) == b"retry: 3\nid: s-1\ndata: x\n\n"
