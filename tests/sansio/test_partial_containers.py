"""What is shown of open arrays and objects."""

import json
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, RootModel

from rxstream.sansio.models import Model
from rxstream.sansio.partial_shapes import Path
from tests.sansio.partials import (
    Box,
    Middle,
    Names,
    Nested,
    Pair,
    Person,
    Pet,
    Plain,
    Row,
    Shorts,
    Tail,
    assert_shows,
    shown,
    snapshots,
)

CASES: list[tuple[Any, str, Any]] = [
    # Other containers.
    (Row, '{"b": "x', {"b": "x"}),
    (Row, '{"a": "x", "b": "y", ', {"b": "y"}),
    (Row, "[", None),
    (tuple[int, str, int], '[1, "a', (1, "a")),
    (tuple[int, str], '[1, "a", 3, ', (1, "a")),
    (tuple[int, ...], "[1, 2, ", (1, 2)),
    (Tail, '["a", 1, 2, ', ("a", 1, 2)),
    (Middle, '["a", 1, 2, ', ("a",)),
    (set[str], '["a", "b', {"a"}),
    (frozenset[int], '[1, "x", 2', frozenset({1})),
    (set[Any], '[[1], "', None),
    (deque[int], "[1, 2, ", deque([1, 2])),
    (Sequence[Pet], '[{"name": "a', [{"name": "a"}]),
    (Mapping[str, int], '{"a": 1, "b": ', {"a": 1}),
    (defaultdict[str, list[int]], '{"a": [1, ', defaultdict(list, {"a": [1]})),
    (dict[int, list[str]], '{"1": ["a"], "2": ["b', {1: ["a"], 2: ["b"]}),
    (dict[int, list[str]], '{"1": ["a"], "x": ["b', {1: ["a"]}),
    (dict[int, list[str]], '{"1": ["a"], "x": ["b"], ', {1: ["a"]}),
    (dict, '{"a": 1, ', {"a": 1}),
    (list, "[1, ", [1]),
    (list[int], "{", None),
    (dict[str, int], "[", None),
    (Pair, "[1, ", None),
    (Plain, "[1, ", None),
    (Names, '["a", "b', ["a", "b"]),
    (RootModel[str], '"ab', "ab"),
    (RootModel[int], "[", None),
    (Box[list[int]], '{"inside": [1, ', {"inside": [1]}),
    (list[Nested], "[1, [2, [3, ", [1, [2, [3]]]),
    (Shorts, '{"a": "long", "b": "longer', {"b": "longer"}),
]


@pytest.mark.parametrize(("of", "text", "value"), CASES, ids=range(len(CASES)))
def test_shows_what_has_come(of: Any, text: str, value: Any) -> None:
    assert_shows(of, text, value)


def test_the_cost_grows_with_the_value() -> None:
    calls = 0

    def done(path: Path) -> bool:
        nonlocal calls
        calls += 1
        return len(path) > 1 and path[:2] != ("pets", count - 1)

    counts: list[int] = []
    for count in (100, 200, 400):
        calls = 0
        pets = [{"name": "a"} if index != count // 2 else "wrong" for index in range(count)]
        assert len(Model[Any](Person, operator="op()").partial({"pets": pets}, done).pets) == count // 2
        counts.append(calls)
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


def test_what_is_whole_is_validated_a_few_times_however_many_snapshots_there_are() -> None:
    calls = 0

    def count(value: Any) -> Any:
        nonlocal calls
        calls += 1
        if value == 7:
            raise ValueError(value)
        return value

    class Held(BaseModel):
        numbers: list[Annotated[int, AfterValidator(count)]]
        table: dict[str, Annotated[int, AfterValidator(count)]]
        broken: list[Annotated[int, AfterValidator(count)]]
        long: str

    broken = list(range(10, 40))
    document = {
        "numbers": [10 + index for index in range(30)],
        "table": {str(index): 10 + index for index in range(30)},
        "broken": [*broken, 7],
        "long": "x" * 200,
    }
    model = Model[Any](Held, operator="op()")
    made = [
        model.partial(snapshot, done) for snapshot, done, over in snapshots(json.dumps(document)) if not over
    ]
    assert len(made) > 600
    assert calls < 600
    assert made[-1].broken == broken
    assert made[-4].numbers is made[-5].numbers


def test_two_documents_at_once_do_not_mix() -> None:
    texts = [
        '{"pets": [{"name": "a"}, {"name": "b"}], "by_name": {"x": {"name": "y"}, "z": {',
        '{"pets": [4, 5',
    ]
    texts += ['{"pets": [{"name": "c"}, {"na', '{"by_name": {"x": {"name": "q"}, "z": {', "{"]
    alone = [[shown(Person, text[:end]) for end in range(1, len(text) + 1)] for text in texts]
    model = Model[Any](Person, operator="op()")
    runs = [[(snapshot, done) for snapshot, done, _ in snapshots(text)] for text in texts]
    for index in range(max(map(len, runs))):
        for run, expected in zip(runs, alone, strict=True):
            if index < len(run):
                assert model.partial(*run[index]) == expected[index]
