"""Recordings played back: what comes, when, and how it ends."""

import base64
import json
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import ConnectionLost, MalformedStream, ProviderError, StreamTruncated
from rxstream.sources.recording import bundled_recordings
from rxstream.testing import VirtualClock
from tests.recordings import NAMES, PATHS, Recording, load
from tests.sources.clients import ANSWERED, chunks_until_error
from tests.sources.test_lost import answer_of

Backend = Literal["asyncio", "trio"]

anyio_test = pytest.mark.anyio
HEADER: dict[str, Any] = {
    "request": {"path": "/v1/chat/completions", "body": {}},
    "response": {"status": 200},
}
STOP = {"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}]}


def decoded(recording: Recording) -> list[Any]:
    machine = answer_of(recording)
    return [chunk for _, read in recording.reads for chunk in machine.feed(read)]


def write(path: Path, *entries: Any, end: str = "\n") -> Path:
    path.write_text("\n".join(map(json.dumps, entries)) + end, encoding="utf-8")
    return path


@anyio_test
@pytest.mark.parametrize("name", ANSWERED)
async def test_it_gives_what_the_decoder_gives(name: str) -> None:
    assert await rxs.to_list(rxs.from_recording(PATHS[name], speed=None)) == decoded(load(name))


@anyio_test
async def test_each_subscription_plays_it_anew() -> None:
    answer = rxs.from_recording("01-prose", speed=None)
    assert await rxs.to_list(answer) == await rxs.to_list(answer)


def test_some_recordings_come_with_the_package() -> None:
    assert {"01-prose", "07-tool-calls-parallel", "14-n2", "17-responses-text"} <= set(bundled_recordings())
    assert set(bundled_recordings()) <= set(NAMES)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("speed", [1.0, 10.0, None])
def test_items_come_when_they_came(speed: float | None, backend: Backend) -> None:
    recording = load("01-prose")
    expected: list[float] = []
    machine = answer_of(recording)
    for at, read in recording.reads:
        expected += [0.0 if speed is None else at / speed] * len(list(machine.feed(read)))
    clock = VirtualClock()
    times: list[float] = []

    async def main() -> None:
        answer = rxs.from_recording("01-prose", **({} if speed == 1.0 else {"speed": speed}))
        await rxs.to_list(answer, on_item=lambda _: times.append(clock.time()))

    clock.run(main, backend=backend)
    assert times == pytest.approx(expected)
    assert len(times) > 50


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_slow_reader_does_not_slow_the_recording_down(backend: Backend) -> None:
    clock = VirtualClock()

    async def main() -> None:
        await rxs.to_list(rxs.from_recording("01-prose"), on_item=lambda _: anyio.sleep(0.001))

    clock.run(main, backend=backend)
    reads = load("01-prose").reads
    assert clock.time() < reads[-1][0] + 0.1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_killed_server_is_a_lost_connection_when_it_was_killed(backend: Backend) -> None:
    clock = VirtualClock()

    async def main() -> ConnectionLost:
        chunks, error = await chunks_until_error(rxs.from_recording("19-server-killed"))
        assert chunks == decoded(load("19-server-killed"))
        assert isinstance(error, ConnectionLost)
        assert error.partial.content == "".join(chunk.content for chunk in chunks)
        return error

    error = clock.run(main, backend=backend)
    assert clock.time() == pytest.approx(load("19-server-killed").header["t_end"])
    assert "EOF WITHOUT the terminating 0-chunk" in str(error)


@anyio_test
@pytest.mark.parametrize("name", [name for name in NAMES if load(name).status != 200])
async def test_an_http_error_is_the_providers(name: str) -> None:
    chunks, error = await chunks_until_error(rxs.from_recording(PATHS[name], speed=None))
    assert chunks == []
    assert isinstance(error, ProviderError)
    assert error.status == load(name).status
    assert error.body == json.loads(load(name).body)["error"]
    assert f"HTTP {error.status}" in str(error)


@anyio_test
@pytest.mark.parametrize("body", ["<html>oops</html>", "[1]", '{"error": "oops"}', "{}"])
async def test_an_http_error_may_have_any_body(tmp_path: Path, body: str) -> None:
    header: Any = {**HEADER, "response": {"status": 502}}
    path = write(tmp_path / "r.jsonl", header, {"t": 0, "data": body, "end": 1}, {"t": 0, "data": body})
    _, error = await chunks_until_error(rxs.from_recording(path, speed=None))
    assert isinstance(error, ProviderError)
    assert error.status == 502


def test_an_unknown_name_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file 'nonesuch'.*01-prose, .*14-n2"):
        rxs.from_recording("nonesuch")
    with pytest.raises(FileNotFoundError, match=r"no\.jsonl"):
        rxs.from_recording(tmp_path / "no.jsonl")


@pytest.mark.parametrize("speed", [0, -1, 0.0, float("nan")])
def test_a_speed_that_is_not_positive_is_refused(speed: float) -> None:
    with pytest.raises(
        ValueError, match="expects speed to be more than 0 times as fast, or None for at once,"
    ):
        rxs.from_recording("01-prose", speed=speed)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no header"),
        (b"\n\n", "no header"),
        (b"7\n", "no header"),
        (b'["request"]\n', "no header"),
        (b'{"request": 7}\n', "no header"),
        (b"not json\n", "Expecting value"),
        (b"half of json", "no header"),
        (b"\xff\xfe\n", "utf-8"),
        (b'{"request": {}}\n7\n', "line 2 is no network read"),
        (b'{"request": {}}\n{"t": 0, "data": ""}\n{"t": "0", "data": ""}\n', "line 3 is no network read"),
        (b'{"request": {}}\n{"t": 0, "data": 7}\n', "line 2 is no network read"),
        (b'{"request": {}}\n{"t": 0}\n', "line 2 is no network read"),
        (b'{"request": {}}\n{"t": 0, "data_b64": "?"}\n', "base64"),
    ],
)
def test_a_file_that_is_no_recording_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(content)
    with pytest.raises(MalformedStream, match=r"r\.jsonl is no recording") as caught:
        rxs.from_recording(path)
    assert said in str(caught.value)


@anyio_test
async def test_line_separators_of_unicode_end_no_line(tmp_path: Path) -> None:
    text = "a\u2028b\u2029c\x85d\x1ee"
    event = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]}
    entry = {"t": 0, "data": f"data: {json.dumps(event, ensure_ascii=False)}\n\n"}
    path = tmp_path / "r.jsonl"
    lines: list[Any] = [HEADER, entry, {"t": 0, "end": "complete"}]
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    assert (await rxs.collect(rxs.from_recording(path, speed=None))).content == text


@anyio_test
async def test_reads_that_are_no_text_by_themselves_are_in_base64(tmp_path: Path) -> None:
    reads = [f"data: {json.dumps(STOP)}\n\ndata: [DO".encode(), b"NE]\n\n"]
    entries = [{"t": 0, "data_b64": base64.b64encode(read).decode()} for read in reads]
    path = write(tmp_path / "r.jsonl", HEADER, *entries)
    assert (await rxs.collect(rxs.from_recording(path, speed=None))).content == "Hello"


@anyio_test
@pytest.mark.parametrize("rest", ["", '{"t": 0.1, "da'])
async def test_what_a_crash_leaves_is_an_answer_that_was_cut(tmp_path: Path, rest: str) -> None:
    event = {"choices": [{"index": 0, "delta": {"content": "Hel"}}]}
    path = write(tmp_path / "r.jsonl", HEADER, {"t": 0, "data": f"data: {json.dumps(event)}\n\n"})
    path.write_text(path.read_text(encoding="utf-8") + rest, encoding="utf-8")
    _, error = await chunks_until_error(rxs.from_recording(path, speed=None))
    assert isinstance(error, ConnectionLost)
    assert "stops in the middle" in str(error)
    assert error.partial.content == "Hel"


ROUND_TRIPS = [
    "01-prose",
    "07-tool-calls-parallel",
    "10-multibyte",
    "14-n2",
    "15-logprobs",
    "17-responses-text",
]


@anyio_test
@pytest.mark.parametrize("name", [*ROUND_TRIPS, "18-responses-tool"])
async def test_what_is_recorded_plays_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / "again.jsonl"
    answer = rxs.from_recording(PATHS[name], speed=None)
    first = await rxs.to_list(answer.pipe(rxs.record_stream(path)))
    assert await rxs.to_list(rxs.from_recording(path, speed=None)) == first


@anyio_test
async def test_recorded_text_plays_as_chunks_of_it(tmp_path: Path) -> None:
    path = tmp_path / "text.jsonl"
    await rxs.to_list(rxs.from_stream(["Hel", "lo"]).pipe(rxs.record_stream(path)))
    assert (await rxs.collect(rxs.from_recording(path, speed=None))).content == "Hello"


@anyio_test
async def test_a_recording_of_a_truncated_answer_plays_as_one(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    killed = rxs.from_recording("19-server-killed", speed=None).pipe(rxs.record_stream(path))
    first, error = await chunks_until_error(killed)
    second, again = await chunks_until_error(rxs.from_recording(path, speed=None))
    assert first == second
    assert isinstance(error, StreamTruncated)
    assert isinstance(again, StreamTruncated)
    assert again.partial == error.partial


@anyio_test
async def test_a_recording_that_was_left_plays_as_truncated(tmp_path: Path) -> None:
    path = tmp_path / "left.jsonl"
    answer = rxs.from_recording("01-prose", speed=None).pipe(rxs.record_stream(path))
    assert len(await rxs.to_list(answer.pipe(ops.take(5)))) == 5
    chunks, error = await chunks_until_error(rxs.from_recording(path, speed=None))
    assert len(chunks) == 5
    assert isinstance(error, StreamTruncated)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_timing_is_recorded_too(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "timed.jsonl"

    def times_of(answer: Any) -> list[float]:
        clock = VirtualClock()
        times: list[float] = []

        async def main() -> None:
            await rxs.to_list(answer, on_item=lambda _: times.append(clock.time()))

        clock.run(main, backend=backend)
        return times

    first = times_of(rxs.from_recording("01-prose").pipe(rxs.record_stream(path)))
    assert times_of(rxs.from_recording(path)) == pytest.approx(first, abs=1e-3)
