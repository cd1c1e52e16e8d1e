from typing import Any

import pytest

from rxstream.items import Restarted, StreamChunk, ToolCallDelta, Usage
from rxstream.sansio.pieces import Piece, Run, atom


@pytest.mark.parametrize("wanted", [1, 2, 3, 100])
def test_a_run_is_cut_between_clusters(wanted: int) -> None:
    clusters = ["a", "e\u0301", "\r\n", "🇩🇪", "b"]
    run = Run(clusters)
    found: list[str] = []
    while not run.is_over:
        found.append(run.cut(wanted))
    assert "".join(found) == "".join(clusters)
    assert all(len(piece) >= wanted for piece in found[:-1])
    ends = {sum(map(len, clusters[:count])) for count in range(6)}
    assert {sum(map(len, found[:count])) for count in range(len(found) + 1)} <= ends


def test_a_run_of_characters_is_cut_anywhere() -> None:
    run = Run([*"abcdef"])
    assert [run.cut(2), run.cut(3), run.cut(9)] == ["ab", "cde", "f"]


def test_an_atom_is_not_cut() -> None:
    assert atom("\u0301👩").cut(1) == "\u0301👩"


def filled(item: Any, *runs: Run) -> Piece:
    piece = Piece(item)
    piece.runs.extend(runs)
    return piece


def test_a_piece_is_cut_across_its_runs() -> None:
    piece = filled("abcde\u0301", Run([*"abc"]), Run("d"), atom("e\u0301"))
    assert piece.cut(2) == "ab"
    assert piece.cut(2) == "cd"
    assert len(piece.runs) == 1
    assert piece.cut(1) == "e\u0301"
    assert piece.cut(1) == ""
    assert not piece.runs


def test_slices_of_text_are_text_and_other_items_are_themselves() -> None:
    assert Piece("ab").slice("a") == "a"
    assert Piece("ab").last("b") == "b"
    again = Restarted(2)
    assert Piece(again).last("") is again


CHUNK = StreamChunk(
    "abc",
    "stop",
    7,
    "model",
    1,
    "Hm",
    (ToolCallDelta(0, "id", "name", "{}"),),
    Usage(1, 2, 3),
    {"raw": 1},
    "assistant",
    "id",
    "No",
    {"content": []},
)


def test_the_first_slice_has_what_stands_before_the_text_and_the_last_all_else() -> None:
    piece = Piece(CHUNK)
    assert [piece.slice("a"), piece.slice("b"), piece.last("c")] == [
        StreamChunk("a", None, 7, "model", 1, "Hm", role="assistant", id="id"),
        StreamChunk("b", None, 7, "model", 1, id="id"),
        StreamChunk(
            "c",
            "stop",
            7,
            "model",
            1,
            tool_calls=CHUNK.tool_calls,
            usage=CHUNK.usage,
            id="id",
            refusal="No",
            logprobs=CHUNK.logprobs,
        ),
    ]


def test_a_chunk_in_one_slice_is_the_very_same() -> None:
    assert Piece(CHUNK).last("abc") is CHUNK


def test_a_chunk_whose_text_has_changed_has_no_event_of_the_provider_s() -> None:
    changed: Any = Piece(CHUNK).last("ab")
    assert changed.raw is None
    assert (changed.role, changed.reasoning, changed.content) == ("assistant", "Hm", "ab")
