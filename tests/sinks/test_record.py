import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from reactivex import operators as ops

import rxstream as rxs
from rxstream.items import StreamChunk, ToolCallDelta, Usage
from rxstream.testing import VirtualClock
from tests.laws.source import Source, stall
from tests.recordings import NAMES, PATHS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answer.jsonl"


def play(observable: Any) -> tuple[list[Any], type[Exception] | None]:
    items: list[Any] = []
    try:
        rxs.run(observable, on_item=items.append)
    except rxs.StreamError as error:
        return items, type(error)
    return items, None


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_of_a_recording_is_the_same(name: str, path: Path) -> None:
    answer = rxs.from_recording(PATHS[name], speed=None)
    expected = play(answer)
    assert play(answer.pipe(rxs.record_stream(path))) == expected
    items, error = play(rxs.from_recording(path, speed=None))
    assert items == expected[0]
    if items:
        assert error == expected[1]
    else:  # what went wrong before the first chunk is recorded as a connection that died
        assert error is rxs.ConnectionLost


def test_nothing_is_changed_on_the_way(path: Path) -> None:
    chunks = [StreamChunk("a"), StreamChunk("", "stop")]
    passed = rxs.run(rxs.from_stream(chunks).pipe(rxs.record_stream(path)))
    assert [one is other for one, other in zip(chunks, passed, strict=True)] == [True, True]


def test_text_is_recorded_as_an_answer(path: Path) -> None:
    rxs.run(rxs.from_stream(["Hel", "lo"]).pipe(rxs.record_stream(path)))
    played = rxs.run(rxs.from_recording(path, speed=None))
    assert [(chunk.content, chunk.finish_reason) for chunk in played] == [
        ("Hel", None),
        ("lo", None),
        ("", "stop"),
    ]


def test_chunks_without_an_event_of_their_own_are_recorded_with_all_they_say(path: Path) -> None:
    call = ToolCallDelta(0, "id", "name", "{}")
    chunks = [
        StreamChunk("", model="m", role="assistant", id="x"),
        StreamChunk("a", None, 1, "m", reasoning="so", id="x", logprobs={"content": []}),
        StreamChunk("", None, 2, "m", tool_calls=(call,), refusal="no", id="x"),
        StreamChunk("", "stop", 3, "m", id="x"),
        StreamChunk("", None, 4, "m", usage=Usage(1, 2, 3, 4, 5), id="x"),
    ]
    rxs.run(rxs.from_stream(chunks).pipe(rxs.record_stream(path)))
    assert rxs.run(rxs.from_recording(path, speed=None)) == chunks


def test_an_event_of_two_choices_is_recorded_once(path: Path) -> None:
    delta = {"delta": {"content": "a"}, "finish_reason": "stop"}
    event = {"choices": [{"index": 0, **delta}, {"index": 1, **delta}]}
    answer: Any = rxs.from_stream([event])
    assert len(rxs.run(answer.pipe(rxs.record_stream(path)))) == 2
    assert len([entry for entry in entries(path) if "choices" in entry.get("data", "")]) == 1


def test_a_rewritten_answer_is_recorded_as_rewritten(path: Path) -> None:
    answer = rxs.from_recording("01-prose", speed=None)
    rxs.run(answer.pipe(rxs.redact("sea", mask="***"), rxs.record_stream(path)))
    assert "sea" not in path.read_text(encoding="utf-8")
    played = rxs.run(rxs.from_recording(path, speed=None))
    assert "".join(chunk.content for chunk in played).startswith("The ***,")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_timing_is_recorded_and_played(path: Path, backend: Any) -> None:
    async def source() -> Any:
        for item in ("a", "b"):
            await anyio.sleep(2)
            yield item

    async def record() -> None:
        await rxs.to_list(rxs.from_stream(source).pipe(rxs.record_stream(path)))

    async def replay() -> list[float]:
        times: list[float] = []
        await rxs.to_list(
            rxs.from_recording(path), on_item=lambda _: times.append(round(anyio.current_time(), 3))
        )
        return times

    VirtualClock().run(record, backend=backend)
    assert [entry["t"] for entry in entries(path)[1:3]] == [2, 4]
    assert VirtualClock().run(replay, backend=backend)[:2] == [2, 4]


def test_an_error_is_recorded_as_a_connection_that_died(path: Path) -> None:
    async def fail() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        rxs.run(Source(["half"], fail).observable.pipe(rxs.record_stream(path)))
    items, error = play(rxs.from_recording(path, speed=None))
    assert ("".join(item.content for item in items), error) == ("half", rxs.ConnectionLost)
    assert entries(path)[-1]["end"] == "error: OSError: gone"


def test_a_stream_that_the_reader_leaves_is_one_that_stops(path: Path) -> None:
    source = Source(["a", "b"], stall)
    rxs.run(source.observable.pipe(rxs.record_stream(path), ops.take(1)))
    assert source.closed == [1]
    assert entries(path)[-1]["end"] == "left by the reader"
    items, error = play(rxs.from_recording(path, speed=None))
    assert ("".join(item.content for item in items), error) == ("a", rxs.ConnectionLost)


def test_what_a_crash_leaves_can_be_played(path: Path) -> None:
    seen: list[str] = []

    def crash(item: str) -> None:
        seen.append(item)
        if item == "b":
            # As a process leaves it that is killed here: what has passed is in the file already.
            (path.parent / "crashed.jsonl").write_bytes(path.read_bytes() + b'{"t": 3, "da')

    rxs.run(rxs.from_stream(["a", "b", "c"]).pipe(rxs.record_stream(path)), on_item=crash)
    items, error = play(rxs.from_recording(path.parent / "crashed.jsonl", speed=None))
    assert ("".join(item.content for item in items), error) == ("ab", rxs.ConnectionLost)


def test_an_empty_stream_is_a_complete_recording(path: Path) -> None:
    assert rxs.run(rxs.from_stream(list[str]()).pipe(rxs.record_stream(path))) == []
    assert [chunk.content for chunk in rxs.run(rxs.from_recording(path, speed=None))] == [""]


def test_each_subscription_writes_the_file_anew(path: Path) -> None:
    pieces = [["one"], ["two"]]
    recorded = rxs.from_stream(lambda: pieces.pop(0)).pipe(rxs.record_stream(path))
    rxs.run(recorded)
    rxs.run(recorded)
    assert "".join(chunk.content for chunk in rxs.run(rxs.from_recording(path, speed=None))) == "two"


def test_an_older_recording_does_not_pass_for_that_of_a_stream_without_an_item(path: Path) -> None:
    async def fail() -> None:
        raise OSError("gone")

    rxs.run(rxs.from_stream(["old"]).pipe(rxs.record_stream(path)))
    with pytest.raises(OSError, match="gone"):
        rxs.run(Source([], fail).observable.pipe(rxs.record_stream(path)))
    assert play(rxs.from_recording(path, speed=None)) == ([], rxs.ConnectionLost)


@pytest.mark.parametrize("items", [["a"], []], ids=["some", "none"])
def test_a_path_that_cannot_be_written_is_the_streams_error(path: Path, items: list[str]) -> None:
    source = Source(items)
    caught: list[Exception] = []
    source_of_text: Any = source.observable
    recorded = source_of_text.pipe(
        rxs.record_stream(path / "no such folder" / "x"), ops.do_action(on_error=caught.append)
    )
    with pytest.raises(FileNotFoundError) as raised:
        rxs.run(recorded)
    assert caught == [raised.value]
    assert source.closed == [1]


@pytest.mark.parametrize("item", [7, None, b"a"])
def test_items_that_are_no_answer_are_refused(path: Path, item: Any) -> None:
    with pytest.raises(TypeError, match=r"record_stream\(\) records answers: .* Put it before the operator"):
        rxs.run(rxs.from_stream([item]).pipe(rxs.record_stream(path)))


def test_the_prompt_is_not_in_the_file(path: Path) -> None:
    rxs.run(rxs.from_recording("01-prose", speed=None).pipe(rxs.record_stream(path)))
    assert entries(path)[0]["request"]["body"] == {"stream": True}


@pytest.mark.parametrize("first", [True, False], ids=["right at the start", "in the middle"])
def test_a_restart_begins_the_recording_anew(path: Path, first: bool) -> None:
    again = rxs.Restarted(2)
    stale = [] if first else [StreamChunk("old"), StreamChunk("", "length")]
    answer = [StreamChunk("new"), StreamChunk("", "stop", 1)]
    stream: Any = rxs.from_stream([*stale, again, *answer])
    passed: list[Any] = []
    assert rxs.run(stream.pipe(rxs.record_stream(path)), on_item=passed.append) == answer
    assert passed == [*stale, again, *answer]
    played = rxs.run(rxs.from_recording(path, speed=None))
    assert [(chunk.content, chunk.finish_reason) for chunk in played] == [("new", None), ("", "stop")]
    assert sum("request" in entry for entry in entries(path)) == 1
