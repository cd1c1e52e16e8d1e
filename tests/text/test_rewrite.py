"""Rewriting, as one meets it in a stream; what matches, the machines' own tests say."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import MatchTooLong, MixedChoices
from tests.laws.source import Source, stall

#: The same names, for what their types forbid.
anything: Any = rxs


def given(items: Iterable[Any], *operators: Any) -> list[Any]:
    stream: Any = rxs.from_stream(list(items))
    found: list[Any] = rxs.run(stream.pipe(*operators))
    return found


def text_of(items: Iterable[Any]) -> str:
    return "".join(item if isinstance(item, str) else item.content for item in items)


# ---------------------------------------------------------------- transform


def test_transform_maps_the_text_and_keeps_the_other_fields() -> None:
    chunk = rxs.StreamChunk("text", "stop", 3, "model", role="assistant", usage=rxs.Usage(1, 2, 3))
    (out,) = given([chunk], rxs.transform(str.upper))
    assert (out.content, out.finish_reason, out.index, out.model) == ("TEXT", "stop", 3, "model")
    assert (out.role, out.usage) == ("assistant", rxs.Usage(1, 2, 3))


def test_transform_passes_chunks_without_text() -> None:
    chunks = [rxs.StreamChunk("", role="assistant"), rxs.StreamChunk("a"), rxs.StreamChunk("", "stop")]
    assert [chunk.content for chunk in given(chunks, rxs.transform(str.upper))] == ["", "A", ""]


def test_transform_sees_each_piece_by_itself_so_words_come_first() -> None:
    pieces = ["hel", "lo wo", "rld"]
    assert text_of(given(pieces, rxs.transform(str.title))) == "HelLo WoRld"
    whole = given(pieces, rxs.buffer_words(keep_whitespace=True), rxs.transform(str.title))
    assert text_of(whole) == "Hello World"


def test_an_exception_of_the_function_ends_the_stream() -> None:
    with pytest.raises(ZeroDivisionError):
        given(["a"], rxs.transform(lambda _: str(1 // 0)))


# ---------------------------------------------------------------- replace, redact


def test_replace_finds_what_is_cut_in_two() -> None:
    pieces = ["I like co", "lou", "rs"]
    assert text_of(given(pieces, rxs.replace_text({"colour": "color"}))) == "I like colors"
    assert text_of(given(pieces, rxs.replace_text("colour", "color"))) == "I like colors"
    assert text_of(given(pieces, rxs.replace_text(re.compile("l(o)u"), r"-\1-"))) == "I like co-o-rs"
    assert text_of(given(pieces, rxs.replace_text("colour", str.upper))) == "I like COLOURs"


def test_no_prefix_of_a_secret_ever_gets_out() -> None:
    seen = given(["key sk-12", "34", "56 ok"], rxs.redact(re.compile(r"sk-\d{6}")))
    assert text_of(seen) == "key [redacted] ok"
    assert not any("sk" in item for item in seen)


def test_a_mask_may_be_a_function_of_the_secret() -> None:
    assert text_of(
        given(["a pass", "word b"], rxs.redact("password", mask=lambda secret: "*" * len(secret)))
    ) == ("a ******** b")


def test_a_changed_chunk_no_longer_carries_what_shows_the_secret() -> None:
    raw = {"content": "sk-123456"}
    (out,) = given(
        [rxs.StreamChunk("sk-123456", raw=raw, logprobs={"a": 1})], rxs.redact(re.compile(r"sk-\d{6}"))
    )
    assert (out.content, out.raw, out.logprobs) == ("[redacted]", None, None)
    (same,) = given([rxs.StreamChunk("nothing here", raw=raw)], rxs.redact(re.compile(r"sk-\d{6}")))
    assert same.raw == raw


def test_the_finish_reason_releases_what_was_held() -> None:
    out = given([rxs.StreamChunk("a sk-1"), rxs.StreamChunk("", "stop")], rxs.redact(re.compile(r"sk-\d{6}")))
    assert [(chunk.content, chunk.finish_reason) for chunk in out] == [("a ", None), ("sk-1", "stop")]


def test_a_match_beyond_max_match_fails_closed() -> None:
    seen: list[str] = []
    redacted = rxs.from_stream(["to ", "x" * 50, "@y"]).pipe(rxs.redact(re.compile(r"\w+@\w+"), max_match=20))
    with pytest.raises(MatchTooLong):
        rxs.run(redacted, on_item=seen.append)
    assert "".join(seen) == "to "


def test_two_choices_are_refused() -> None:
    both = [rxs.StreamChunk("a"), rxs.StreamChunk("b", choice=1)]
    with pytest.raises(MixedChoices, match=r"^redact\(\) works on one text"):
        given(both, rxs.redact("secret"))


# ---------------------------------------------------------------- stop_at


def test_the_text_ends_where_the_stop_begins() -> None:
    pieces = ["One. E", "ND of it", "more"]
    assert text_of(given(pieces, rxs.stop_at("END"))) == "One. "
    assert text_of(given(pieces, rxs.stop_at("END", include=True))) == "One. END"
    assert text_of(given(["no stop E", "N"], rxs.stop_at("END"))) == "no stop EN"


@pytest.mark.anyio
@pytest.mark.parametrize("before", [(), (ops.map(str),)], ids=["straight", "through rx"])
async def test_the_upstream_is_closed_before_the_last_item_is_handed_over(before: tuple[Any, ...]) -> None:
    source = Source(["One. E", "ND of it", "more"], stall)
    chain: Any = source.observable
    async with rxs.open_stream(chain.pipe(*before, rxs.stop_at("END", include=True))) as items:
        assert await anext(items) == "One. "
        assert source.closed == [0]
        assert await anext(items) == "END"
        assert source.closed == [1]
        with pytest.raises(StopAsyncIteration):
            await anext(items)
    assert source.runs[0].produced == 2


def test_the_last_chunk_has_the_finish_reason_stop() -> None:
    chunks = [rxs.StreamChunk("One. E"), rxs.StreamChunk("ND of it"), rxs.StreamChunk("more", "length")]
    out = given(chunks, rxs.stop_at("END"))
    assert [(chunk.content, chunk.finish_reason) for chunk in out] == [("One. ", None), ("", "stop")]


def test_what_stands_behind_a_stop_gets_the_shortened_text_only() -> None:
    words = given(["One tw", "o thr", "ee"], rxs.stop_at("three"), rxs.buffer_words())
    assert words == ["One", "two"]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: anything.transform("upper"),
            TypeError,
            r"transform\(\) expects a function from str to str and got",
        ),
        (lambda: rxs.replace_text({}), ValueError, r"replace_text\(\).*mapping is empty"),
        (lambda: rxs.replace_text("a"), ValueError, r"replace_text\(\)"),
        (lambda: rxs.replace_text({"a": "b"}, "c"), ValueError, r"replace_text\(\)"),
        (lambda: rxs.replace_text("", "a"), ValueError, r"empty string would match everywhere"),
        (rxs.redact, ValueError, r"redact\(\): .*nothing to redact"),
        (lambda: anything.redact("a", mask=7), TypeError, r"redact\(\): .*mask"),
        (lambda: rxs.redact(re.compile(r"\w+@")), ValueError, r"max_match"),
        (lambda: rxs.redact("a", max_match=0), ValueError, r"max_match"),
        (rxs.stop_at, ValueError, r"stop_at\(\): .*nothing to stop at"),
        (lambda: anything.stop_at(7), TypeError, r"stop_at\(\)"),
    ],
    ids=[
        "no function",
        "empty mapping",
        "no replacement",
        "two replacements",
        "empty literal",
        "nothing to redact",
        "mask",
        "no bound",
        "max_match",
        "no stop",
        "no text",
    ],
)
def test_wrong_arguments_are_refused_where_they_are_written(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()
