"""Answers of HTTP: recorded, made of events, in JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from rxstream.errors import MalformedStream
from rxstream.testing import Answer
from rxstream.testing.answers import status_line
from tests.recordings import NAMES, PATHS, load


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_answer_is_what_was_recorded(name: str) -> None:
    recording = load(name)
    answer = Answer.recorded(PATHS[name])
    assert list(answer.pieces) == [read for _, read in recording.reads]
    assert answer.body == recording.body
    assert answer.status.startswith(f"{recording.status} ")
    assert answer.headers == (
        ("Content-Type", dict(recording.header["response"]["headers"])["Content-Type"]),
    )
    assert answer.end == ("fin" if name == "19-server-killed" else "whole")


def test_a_recorded_answer_may_take_its_time() -> None:
    killed = load("19-server-killed")
    answer = Answer.recorded("19-server-killed", speed=2)
    waits = [piece for piece in answer.pieces if not isinstance(piece, bytes)]
    assert sum(waits) == pytest.approx(killed.header["t_end"] / 2)
    assert waits[0] == pytest.approx(killed.reads[0][0] / 2)
    assert answer.body == killed.body


def test_what_the_header_of_a_recording_lacks_is_a_good_answers(tmp_path: Path) -> None:
    path = tmp_path / "bare.jsonl"
    path.write_text('{"request": {}}\n{"t": 0, "data": "data: 1"}\n', encoding="utf-8")
    answer = Answer.recorded(path)
    assert (answer.status, answer.headers, answer.end) == (
        "200 OK",
        (("Content-Type", "text/event-stream"),),
        "fin",
    )


def test_no_recording_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Answer\.recorded\(\) found no file 'nonesuch'"):
        Answer.recorded("nonesuch")
    (tmp_path / "no.jsonl").write_text("no", encoding="utf-8")
    with pytest.raises(MalformedStream, match="is no recording"):
        Answer.recorded(tmp_path / "no.jsonl")


def test_events_are_a_piece_each() -> None:
    events: list[Any] = [{"a": "é"}, {"b": [1]}]
    answer = Answer.events(*events)
    assert answer.pieces == ('data: {"a":"é"}\n\n'.encode(), b'data: {"b":[1]}\n\n', b"data: [DONE]\n\n")
    assert Answer.events(*events, done=False).pieces == answer.pieces[:2]


def test_json_comes_in_one_piece() -> None:
    answer = Answer.json({"error": "é"}, status=429, headers={"Retry-After": "3"})
    assert json.loads(answer.body) == {"error": "é"}
    assert answer.status == "429 Too Many Requests"
    assert answer.headers == (("Content-Type", "application/json"), ("Retry-After", "3"))


def test_a_status_has_its_words() -> None:
    assert status_line(503) == "503 Service Unavailable"
    assert status_line(529) == "529 Of No Name"


def test_an_answer_can_be_cut_and_split() -> None:
    answer = Answer((b"abc", 0.5, b"de"))
    assert answer.cut(4, "rst") == Answer((b"abcd",), end="rst")
    assert answer.split(2).pieces == [b"ab", b"cd", b"e"]
