"""Recordings played with faults: the whole answer, or an error with as much of it as was true."""

import math
from typing import Any, Literal

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import rxstream as rxs
from rxstream.errors import ConnectionLost, ProviderError, StreamError, StreamTruncated
from rxstream.items import StreamChunk
from rxstream.sources.recording import bundled_recordings
from rxstream.testing import Fault, VirtualClock, faulty_recording
from rxstream.testing.bodies import event_ends
from rxstream.testing.error_frames import DIALECTS
from rxstream.testing.faults import Faults
from tests.recordings import PATHS, load
from tests.sources.clients import ANSWERED, chunks_until_error

Backend = Literal["asyncio", "trio"]

anyio_test = pytest.mark.anyio
backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])

NAMES = sorted(set(bundled_recordings()) & set(ANSWERED))


@anyio_test
@pytest.mark.parametrize("name", sorted(PATHS))
async def test_without_a_fault_it_is_from_recording(name: str) -> None:
    chunks, error = await chunks_until_error(rxs.from_recording(PATHS[name], speed=None))
    again, same = await chunks_until_error(faulty_recording(PATHS[name]))
    assert again == chunks
    assert (type(same), str(same)) == (type(error), str(error))


@anyio_test
async def test_each_subscription_gets_its_fault_and_those_behind_none() -> None:
    whole = await rxs.to_list(rxs.from_recording("01-prose", speed=None))
    answer = faulty_recording(
        "01-prose", None, Fault.cut(3000), Fault.silent_end(3000) | Fault.drip(9, pause=0)
    )
    assert await rxs.to_list(answer) == whole
    for expected in (ConnectionLost, StreamTruncated):
        chunks, error = await chunks_until_error(answer)
        assert type(error) is expected
        assert 0 < len(chunks) < len(whole)
        assert chunks == whole[: len(chunks)]
    assert await rxs.to_list(answer) == whole
    assert await rxs.to_list(answer) == whole


@anyio_test
async def test_a_subscription_that_asks_for_nothing_does_not_count() -> None:
    answer = faulty_recording("01-prose", Fault.cut(0))
    async with rxs.open_stream(answer):
        pass
    _, error = await chunks_until_error(answer)
    assert isinstance(error, ConnectionLost)


def times_of(answer: Any, backend: Backend, pause: float = 0.0) -> tuple[list[float], float]:
    clock = VirtualClock()
    times: list[float] = []

    async def note(_: StreamChunk) -> None:
        times.append(clock.time())
        await anyio.sleep(pause)

    async def main() -> None:
        await rxs.to_list(answer, on_item=note)

    clock.run(main, backend=backend)
    return times, clock.time()


@backends
def test_a_stall_takes_its_seconds_on_the_loops_clock(backend: Backend) -> None:
    times, end = times_of(faulty_recording("01-prose", Fault.stall(after_events=10, seconds=60)), backend)
    assert times[:10] == [0] * 10
    assert set(times[10:]) == {60}
    assert end == 60


@backends
def test_a_stall_waits_for_a_slow_reader_too(backend: Backend) -> None:
    answer = faulty_recording("01-prose", Fault.stall(after_events=10, seconds=60))
    times, _ = times_of(answer, backend, pause=1.0)
    assert times[10] - times[9] >= 60


@backends
def test_a_drip_takes_its_pauses(backend: Backend) -> None:
    size = len(load("01-prose").body)
    _, end = times_of(faulty_recording("01-prose", Fault.drip(100, pause=0.5)), backend)
    # Each read is cut up by itself.
    assert size / 100 * 0.5 <= end
    assert end == pytest.approx(0.5 * sum(math.ceil(len(read) / 100) for _, read in load("01-prose").reads))


@backends
def test_the_recorded_timing_is_kept_and_a_stall_added(backend: Backend) -> None:
    recording = load("01-prose")
    plain, _ = times_of(rxs.from_recording("01-prose", speed=2), backend)
    stalled, end = times_of(
        faulty_recording("01-prose", Fault.stall(after_events=10, seconds=60), speed=2), backend
    )
    assert stalled[:10] == pytest.approx(plain[:10])
    assert stalled[10:] == pytest.approx([at + 60 for at in plain[10:]])
    assert end == pytest.approx(recording.header["t_end"] / 2 + 60)
    # A slow reader does not slow the recording down.
    _, end = times_of(faulty_recording("01-prose", Fault.drip(9999, pause=0), speed=1), backend, pause=0.001)
    assert end < recording.header["t_end"] + 0.1


@backends
def test_an_endless_stall_waits_for_somebodys_timeout(backend: Backend) -> None:
    clock = VirtualClock()
    found: list[StreamChunk] = []

    async def main() -> None:
        with anyio.move_on_after(30) as scope:
            await rxs.to_list(faulty_recording("01-prose", Fault.stall(2000)), on_item=found.append)
        assert scope.cancelled_caught

    clock.run(main, backend=backend)
    assert clock.time() == 30
    assert found
    with pytest.raises(RuntimeError, match="stuck"):
        clock.run(rxs.to_list, faulty_recording("01-prose", Fault.stall(2000)), backend=backend)


@anyio_test
async def test_a_killed_server_is_lost_whatever_else_happens() -> None:
    _, error = await chunks_until_error(faulty_recording("19-server-killed", Fault.drip(100, pause=0)))
    assert isinstance(error, ConnectionLost)
    assert error.partial.content


@anyio_test
async def test_a_recorded_http_error_with_a_fault_is_the_sdks() -> None:
    _, plain = await chunks_until_error(faulty_recording(PATHS["20-error-401"]))
    assert isinstance(plain, ProviderError)
    _, error = await chunks_until_error(faulty_recording(PATHS["20-error-401"], Fault.drip(100, pause=0)))
    assert type(error).__name__ == "AuthenticationError"


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: faulty_recording("nonesuch"), FileNotFoundError, r"faulty_recording\(\) found no file"),
        (
            lambda: faulty_recording("01-prose", speed=0),
            ValueError,
            "expects speed to be more than 0 times as fast",
        ),
        (lambda: faulty_recording("01-prose", (Fault.cut(1), Fault.cut(2))), ValueError, "only one"),
        (lambda: faulty_recording("01-prose", 7), TypeError, "expected a Fault"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    ],
    ids=["name", "speed", "two ends", "no fault"],
)
def test_nonsense_is_refused_at_once(make: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make()


# ---------------------------------------------------------------- any fault, anywhere


@st.composite
def some_faults(draw: st.DrawFn) -> tuple[str, Faults]:
    """A recording, and what happens to it: at most one end, and things that change nothing of the text."""
    name = draw(st.sampled_from(NAMES))
    body = load(name).body
    by_events = draw(st.booleans())
    most = len(event_ends(body)) if by_events else len(body)

    def where() -> dict[str, Any]:
        return {"after_events" if by_events else "at": draw(st.integers(0, most + 1))}

    ends: list[Any] = [
        lambda: Fault.cut(**where()),
        lambda: Fault.reset(**where()),
        lambda: Fault.truncated_chunk(**where()),
        lambda: Fault.silent_end(**where()),
        lambda: Fault.error_frame(**where(), dialect=draw(st.sampled_from(list(DIALECTS)))),
        lambda: Fault.garbage(**where(), data=draw(st.sampled_from(["json", "utf-8", "html"]))),
    ]
    harmless: list[Any] = [
        lambda: Fault.stall(**where(), seconds=5.0),
        lambda: Fault.drip(draw(st.integers(20, 500)), pause=0.001),
        lambda: Fault.garbage(**where(), data=b": keep-alive\n\n", goes_on=True),
    ]
    chosen = draw(st.lists(st.sampled_from(harmless), max_size=2)) + draw(
        st.lists(st.sampled_from(ends), max_size=1)
    )
    return name, tuple(make() for make in draw(st.permutations(chosen)))


WHOLE = {name: rxs.run(rxs.from_recording(name, speed=None)) for name in NAMES}


def text_of(chunks: list[StreamChunk], choice: int = 0) -> str:
    return "".join([chunk.content for chunk in chunks if chunk.choice == choice])


@backends
@given(some_faults())
@example(("01-prose", Fault.silent_end(10**6)))
# An event that chat does not know is an empty chunk, and no error.
@example(("01-prose", Fault.error_frame(258, "responses-failed")))
def test_an_answer_is_whole_or_fails_with_a_prefix_of_the_truth(
    backend: Backend, drawn: tuple[str, Faults]
) -> None:
    name, faults = drawn
    whole = WHOLE[name]

    async def main() -> tuple[list[StreamChunk], Exception | None]:
        return await chunks_until_error(faulty_recording(name, faults))

    chunks, error = VirtualClock().run(main, backend=backend)
    for choice in (0, 1):
        assert text_of(whole, choice).startswith(text_of(chunks, choice))
    if error is None:
        assert text_of(chunks) == text_of(whole)
        assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == [
            chunk.finish_reason for chunk in whole if chunk.finish_reason
        ]
    else:
        assert isinstance(error, StreamError)
        assert error.partial.content == text_of(chunks)
