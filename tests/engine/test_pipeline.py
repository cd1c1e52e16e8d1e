import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import regex
from openai import AsyncOpenAI
from reactivex import Observable, compose
from reactivex import operators as ops

import rxstream as rxs
from rxstream.engine.pipeline import Call, named, pipeline_html
from rxstream.sansio.words import Words

#: Of Any: half of what follows would be nonsense if it ran.
ONE: Observable[Any] = rxs.from_recording("01-prose")


def own() -> Callable[[Observable[Any]], Observable[Any]]:
    def operator(source: Observable[Any]) -> Observable[Any]:
        return source.pipe(ops.map(len))

    return operator


def looks_like_stock(
    fun: Callable[[Observable[Any]], Any], *args: str, **kwargs: str
) -> Callable[[Observable[Any]], Any]:
    """Make an operator whose closure has the names that those of reactivex have."""

    def operator(source: Observable[Any]) -> Observable[Any]:
        return source.pipe(ops.map(lambda item: (fun, args, kwargs, item)))

    return operator


def looks_composed(operators: object) -> Callable[[Observable[Any]], Any]:
    def operator(source: Observable[Any]) -> Observable[Any]:
        return source.pipe(ops.map(lambda item: (operators, item)))

    return operator


def homeless(source: Observable[Any]) -> Observable[Any]:
    return source.pipe(ops.map(len))


setattr(homeless, "__module__", None)  # noqa: B010 - as of a function made by `exec`; to a type checker it is a str


class Operator:
    """An operator that is no function."""

    def __call__(self, source: Observable[Any]) -> Observable[Any]:
        return source.pipe(ops.map(len))


def plain(source: Observable[Any]) -> Observable[Any]:
    return source.pipe(ops.map(len))


STORIES: list[tuple[Any, str]] = [
    (ONE, "from_recording('01-prose')"),
    (
        ONE.pipe(rxs.retry_stream(), rxs.buffer_words(keep_whitespace=True), ops.map(len)),
        "from_recording('01-prose') | retry_stream() | buffer_words(keep_whitespace=True) | ops.map(len)",
    ),
    (
        ONE.pipe(rxs.buffer_lines()).pipe(ops.take(2)),
        "from_recording('01-prose') | buffer_lines() | ops.take(2)",
    ),
    (
        ONE.pipe(rxs.race_streams(rxs.from_stream(["a"]).pipe(rxs.accumulate()))),
        "from_recording('01-prose') | race_streams(from_stream([...]) | accumulate())",
    ),
    (
        rxs.from_streams(ONE, b=ONE),
        "from_streams(from_recording('01-prose'), b=from_recording('01-prose'))",
    ),
    (
        ONE.pipe(rxs.backpressure(3, overflow="join")),
        "from_recording('01-prose') | backpressure(3, overflow='join')",
    ),
    (ONE.pipe(rxs.measure_stream(print)), "from_recording('01-prose') | measure_stream(print)"),
    (ONE.pipe(ops.filter(lambda _: True)), "from_recording('01-prose') | ops.filter(lambda)"),
    (ONE.pipe(ops.scan(max)), "from_recording('01-prose') | ops.scan(max)"),
    (ONE.pipe(own()), "from_recording('01-prose') | own(...)"),
    (ONE.pipe(plain), "from_recording('01-prose') | plain()"),
    (ONE.pipe(homeless), "from_recording('01-prose') | homeless()"),
    (ONE.pipe(looks_composed(3)), "from_recording('01-prose') | looks_composed(...)"),
    (ONE.pipe(Operator()), "from_recording('01-prose') | Operator(...)"),
    (
        ONE.pipe(lambda source: source.pipe(rxs.buffer_lines(), ops.take(2))),
        "from_recording('01-prose') | buffer_lines() | ops.take(2)",
    ),
    (ONE.pipe(partial(plain)), "from_recording('01-prose') | partial(...)"),
    (ONE.pipe(ops.share()), "from_recording('01-prose') | ops.share()"),
    (
        ONE.pipe(compose(ops.map(str), rxs.accumulate())),
        "from_recording('01-prose') | ops.map(str) | accumulate()",
    ),
    (
        ONE.pipe(rxs.replace_text(re.compile("a+b"), str.upper, max_match=9)),
        "from_recording('01-prose') | replace_text(re.compile('a+b'), upper, max_match=9)",
    ),
    (
        ONE.pipe(rxs.stop_at("x" * 50)),
        f"from_recording('01-prose') | stop_at('{'x' * 40}...')",
    ),
    (ONE.pipe(rxs.lift(Words)), "from_recording('01-prose') | lift(Words)"),
    (ONE.pipe(rxs.lift(partial(Words))), "from_recording('01-prose') | lift(Words)"),
    (
        rxs.from_stream(list[str]).pipe(rxs.replace_text({"a": "b"})),
        "from_stream(list) | replace_text({...})",
    ),
    (ONE.pipe(rxs.buffer_with(Words)), "from_recording('01-prose') | buffer_with(Words)"),
]


@pytest.mark.parametrize(("stream", "text"), STORIES)
def test_a_chain_is_written_as_it_was_made(stream: Observable[Any], text: str) -> None:
    assert repr(stream) == f"<{text}>"


def test_an_operator_that_gives_back_its_source_is_no_stage() -> None:
    same = ONE.pipe(lambda source: source)
    assert same is ONE
    assert repr(same) == "<from_recording('01-prose')>"


def test_a_stream_that_was_there_before_keeps_its_own_story() -> None:
    other = rxs.from_stream(["a"])
    assert ONE.pipe(lambda _: other) is other
    assert repr(other) == "<from_stream([...])>"
    lines = other.pipe(rxs.buffer_lines())

    def instead(_: Observable[Any]) -> Observable[Any]:
        return lines

    assert ONE.pipe(instead) is lines
    assert repr(lines) == "<from_stream([...]) | buffer_lines()>"


def test_what_nobody_noted_is_named_by_its_class() -> None:
    bare: Any = rxs.buffer_words()(rxs.StreamBuffer())
    assert repr(bare) == "<LiftedObservable()>"
    assert repr(bare.pipe(ops.map(len))) == "<LiftedObservable() | ops.map(len)>"


@pytest.mark.parametrize(
    "stream",
    [
        rxs.from_chat(
            AsyncOpenAI(api_key="s3cret"),
            model="m",
            messages=[{"role": "user", "content": "s3cret"}],
            extra_headers={"Authorization": "s3cret"},
            api_key="s3cret",
            user="s3cret",
            safety_identifier="s3cret",
        ),
        rxs.from_responses(AsyncOpenAI(api_key="s3cret"), model="m", input="s3cret", instructions="s3cret"),
        rxs.from_sse("http://me:s3cret@localhost/answer?key=s3cret"),
        ONE.pipe(rxs.redact("s3cret", re.compile("s3cret"), mask="s3cret")),
        ONE.pipe(rxs.race_streams(ONE.pipe(rxs.redact("s3cret")))),
        ONE.pipe(looks_like_stock(plain, "s3cret", a="s3cret")),
    ],
)
def test_no_secret_is_shown(stream: Observable[Any]) -> None:
    assert "s3cret" not in repr(stream)
    assert "s3cret" not in pipeline_html(stream)


def test_a_request_shows_its_model() -> None:
    asked = rxs.from_chat(AsyncOpenAI(api_key="k"), model="m", messages=[], max_tokens=9)
    assert repr(asked) == "<from_chat(<AsyncOpenAI>, model='m', messages=..., max_tokens=9)>"


def test_a_notebook_draws_boxes_and_what_joins_them() -> None:
    other: Observable[Any] = rxs.from_recording("10-multibyte")
    raced: Observable[Any] = ONE.pipe(rxs.race_streams(other))
    stream: Any = raced.pipe(ops.filter(lambda _: True))
    html = stream._repr_html_()
    boxes = re.findall(r"<span [^>]*>(.*?)</span>", html)
    assert boxes == [
        "from_recording(&#x27;01-prose&#x27;)",
        "race_streams(...)",
        "ops.filter(lambda)",
        "from_recording(&#x27;10-multibyte&#x27;)",
    ]
    assert html.count(" → ") == 2
    assert "race_streams, 0: <span" in html


def test_an_argument_is_no_html() -> None:
    assert "<b>" not in pipeline_html(ONE.pipe(rxs.stop_at("<b>")))


def test_a_named_function_stays_what_it_was() -> None:
    def make(n: int) -> Callable[[int], int]:
        """Add n."""
        return lambda m: n + m

    again = named(make)
    assert (again(1)(2), again.__doc__, again.__name__) == (3, "Add n.", "make")


OPERATORS = [
    name
    for name in rxs.__all__
    if name.startswith(
        ("buffer", "parse", "split", "merge", "race", "map_", "share_", "retry", "pace", "to_sse")
    )
]


@pytest.mark.parametrize("name", [*OPERATORS, "redact", "stop_at", "accumulate", "transform", "hedge_stream"])
def test_an_operator_that_nobody_called_is_told(name: str) -> None:
    with pytest.raises(
        TypeError, match=rf"^pipe\(\) expects .* and got {name} .*: write pipe\({name}\(\.\.\.\)\)"
    ):
        ONE.pipe(ops.map(str), getattr(rxs, name))


@pytest.mark.parametrize("wrong", [3, None, [rxs.buffer_words()]], ids=["int", "None", "list"])
def test_so_is_what_is_no_operator(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"^pipe\(\) expects operators, .* and got "):
        ONE.pipe(wrong)


def test_a_source_that_takes_a_stream_may_end_a_chain() -> None:
    tagged = rxs.from_stream(["a"]).pipe(rxs.from_streams)
    assert rxs.run(tagged) == [rxs.Tagged(0, "a")]


def test_patterns_of_both_kinds_are_patterns() -> None:
    assert Call("f", (regex.compile("a"), None, True)).text(str) == "f(re.compile('a'), None, True)"
