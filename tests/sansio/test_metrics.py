from array import array

import pytest

from rxstream.sansio.gaps import Gaps
from rxstream.sansio.metrics import Metrics


def whole(**changed: object) -> Metrics:
    metrics = Metrics(
        time_to_first_content=0.312,
        duration=2.5,
        gaps=Gaps(array("d", [0.02, 0.118])),
        tokens=87,
        tokens_estimated=False,
        tokens_per_second=42.13,
        cost=0.0000412,
        ended="completed",
    )
    for name, value in changed.items():
        setattr(metrics, name, value)
    return metrics


def test_the_summary_is_what_a_human_wants_to_see() -> None:
    line = "0.31 s to first content, 87 tokens at 42.1/s, longest gap 0.12 s, $0.000041"
    assert whole().summary == str(whole()) == line
    assert repr(whole()) == f"<Metrics, completed: {line}>"


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {"tokens_estimated": True},
            "0.31 s to first content, about 87 tokens at 42.1/s, longest gap 0.12 s, $0.000041",
        ),
        (
            {"cost_estimated": True, "currency": "€"},
            "0.31 s to first content, 87 tokens at 42.1/s, longest gap 0.12 s, about €0.000041",
        ),
        (
            {"tokens": 1, "tokens_per_second": None, "gaps": Gaps(array("d")), "cost": None},
            "0.31 s to first content, 1 token",
        ),
        (
            {"time_to_first_content": None, "gaps": Gaps(array("d")), "cost": None},
            "no content in 2.50 s",
        ),
        (
            {"cost": None, "restarts": 1, "ended": "left"},
            "0.31 s to first content, 87 tokens at 42.1/s, longest gap 0.12 s, 1 restart, left by the reader",
        ),
        (
            {"cost": None, "restarts": 2, "ended": "error", "error": OSError("gone")},
            "0.31 s to first content, 87 tokens at 42.1/s, longest gap 0.12 s, 2 restarts, failed: OSError",
        ),
    ],
    ids=["tokens estimated", "cost estimated", "one piece", "no content", "left", "failed"],
)
def test_the_summary_leaves_out_what_is_not_known_and_marks_guesses(
    changed: dict[str, object], line: str
) -> None:
    assert whole(**changed).summary == line


@pytest.mark.parametrize(
    ("cost", "shown"),
    [
        (0.0, "$0.00"),
        (0.0000412, "$0.000041"),
        (0.0001, "$0.00010"),
        (0.0999, "$0.100"),
        (0.25, "$0.25"),
        (1.0, "$1.00"),
        (12.345, "$12.35"),
    ],
)
def test_a_cost_is_written_without_an_exponent(cost: float, shown: str) -> None:
    assert whole(cost=cost).summary.rpartition(", ")[2] == shown


def test_before_anything_came() -> None:
    assert repr(Metrics()) == "<Metrics, running: no content in 0.00 s>"


@pytest.mark.parametrize(
    ("reasons", "reason"),
    [({}, None), ({0: "stop"}, "stop"), ({0: None, 1: "stop"}, None), ({1: "length"}, "length")],
    ids=str,
)
def test_the_finish_reason_is_that_of_the_first_choice(
    reasons: dict[int, str | None], reason: str | None
) -> None:
    assert Metrics(finish_reasons=reasons).finish_reason == reason
