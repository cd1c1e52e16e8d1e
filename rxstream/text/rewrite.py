"""Text to other text: mapped, replaced, redacted, stopped."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias, TypeVar

from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.pipeline import named, named_only
from rxstream.items import StreamChunk, Text
from rxstream.sansio import Machine
from rxstream.sansio.patterns import AnyPattern
from rxstream.sansio.rewrite import Redact, Replace, StopAt
from rxstream.sansio.texts import rewriter
from rxstream.sansio.transform import Transform
from rxstream.text.made import made

__all__ = ("redact", "replace_text", "stop_at", "transform")

T = TypeVar("T", str, StreamChunk)

#: A literal, or a compiled regular expression of ``re`` or ``regex``.
Pattern: TypeAlias = str | AnyPattern


@named
def transform(fn: Callable[[str], str]) -> Callable[[Observable[T]], Observable[T]]:
    """Map the text of each item; chunks keep their other fields, but for ``raw``.

        --'Hel'--'lo'--|
        transform(str.upper)
        --'HEL'--'LO'--|

        loud = rxs.from_stream(["Hel", "lo"]).pipe(rxs.transform(str.upper))
        print(rxs.run(loud))  #> ['HEL', 'LO']

    ``fn`` sees one item at a time, wherever the stream was cut: for anything that must see whole words put
    ``buffer_words(keep_whitespace=True)`` before it, and for replacing text there is ``replace_text``. A
    chunk without text passes as it is, so a finish reason is never lost; an empty result drops nothing but
    text.

    Nothing is held. An exception of ``fn`` ends the stream, as its error. Raises TypeError for what cannot be
    called, and, as the stream's error, for items that are no text: for those there is ``ops.map``.
    """
    if not callable(fn):
        msg = f"transform() expects a function from str to str and got {fn!r}"
        raise TypeError(msg)
    make: Callable[[], Machine[Any, Any]] = lambda: Transform[Any](fn)  # noqa: E731
    return lift(make)


@named
def replace_text(
    mapping_or_pattern: Mapping[str, str] | Pattern,
    replacement: str | Callable[[Any], str] | None = None,
    *,
    max_match: int | None = None,
) -> Callable[[Observable[T]], Observable[T]]:
    r"""Replace text, also where it is cut in two.

        --'I like co'--'lou'--'r'--------|
        replace_text({"colour": "color", "grey": "gray"})
        --'I like '-----------'color'----|

        spaced = rxs.replace_text(re.compile(r"([0-9]{1,9})km"), r"\1 km")
        print("".join(rxs.run(rxs.from_stream(["It is 12k", "m."]).pipe(spaced))))  #> It is 12 km.

    ``mapping_or_pattern``: a mapping of literals to replacements (any number; where several match, the
    leftmost and of those the longest), or one literal or one *compiled* pattern (of ``re`` or ``regex``),
    with a ``replacement``: a ``str`` (a template, as in ``re.sub``, if it is a pattern) or a function (of the
    match object, or of the literal's text).

    Held back is only what may still become a match; what is none comes out at the end. At an error it is
    dropped. A pattern whose matches have no longest length needs ``max_match``, in characters: a match that
    could be longer raises MatchTooLong, and nothing of it is released. Chunks stay chunks, with their other
    fields; only ``content`` is rewritten, not reasoning or tool calls, and one that was changed gives up
    ``raw`` and ``logprobs``.

    Raises TypeError and ValueError for wrong arguments, such as a pattern that needs ``max_match`` and has
    none, and ``re.error`` for a wrong template; as the stream's error MatchTooLong, MixedChoices for chunks
    of two choices (``n=2``), TypeError for items that are no text. To hide secrets there is ``redact``; to
    map each piece as it was cut, ``transform``.
    """
    return _rewrite(
        "replace_text()",
        partial(Replace, mapping_or_pattern, replacement, max_match=max_match),
    )


@named_only
def redact(
    *patterns: Pattern, mask: str | Callable[[str], str] = "[redacted]", max_match: int | None = None
) -> Callable[[Observable[T]], Observable[T]]:
    r"""Hide secrets, also where they are cut in two; no prefix of one ever gets out.

        --'key sk-12'--'34'--'56'----------|
        redact(re.compile(r"sk-\d{6}"))
        --'key '-------------'[redacted]'--|

        hidden = rxs.redact("Alice", re.compile(r"sk-\d{6}"), mask=lambda secret: "*" * len(secret))
        print("".join(rxs.run(rxs.from_stream(["Ali", "ce has sk-12", "3456."]).pipe(hidden))))
        #> ***** has *********.

    ``patterns``: literals and *compiled* regular expressions (of ``re`` or ``regex``). ``mask``: what stands
    in their place, or a function from the secret to that. The leftmost match wins, and of those at one place
    the longest.

    Held back is what may still become a match, and no more; at an error it is dropped. A pattern whose
    matches have no longest length needs ``max_match``, in characters: a match that could be longer raises
    MatchTooLong, and nothing of it is released: it fails closed. A chunk that was changed gives up ``raw``
    and ``logprobs``, which would still show the secret. Reasoning and tool calls are not looked at. Errors
    raised by the source carry, as ``partial``, the text before redaction.

    Raises TypeError and ValueError for wrong arguments, such as no pattern, or one that needs ``max_match``
    and has none; as the stream's error MatchTooLong, MixedChoices for chunks of two choices (``n=2``),
    TypeError for items that are no text. For other replacements there is ``replace_text``.
    """
    return _rewrite("redact()", partial(Redact, *patterns, mask=mask, max_match=max_match))


@named
def stop_at(
    *stops: Pattern, include: bool = False, max_match: int | None = None
) -> Callable[[Observable[T]], Observable[T]]:
    """End the stream where a stop text begins, and close the upstream: nothing more is generated, or paid.

        --'One. E'--'ND of it'---'more'--|
        stop_at("END")
        --'One. '---|

        print(rxs.run(rxs.from_stream(["One. E", "ND of it"]).pipe(rxs.stop_at("END", include=True))))
        #> ['One. ', 'END']

    ``stops``: literals and *compiled* patterns (of ``re`` or ``regex``); the first to match ends the text.
    ``include``: it is part of the output. ``max_match`` as in ``redact``: a bound, in characters, for
    patterns whose matches have no longest length.

    Held back is what may still become a stop, and no more; without a stop it comes out at the end, and at an
    error it is dropped. With chunks, the last one gets the finish reason "stop"; the provider's count of
    tokens would have come behind it, so there is none.

    Raises TypeError and ValueError for wrong arguments, such as no stop, or a pattern that needs
    ``max_match`` and has none; as the stream's error MatchTooLong, MixedChoices for chunks of two choices
    (``n=2``), TypeError for items that are no text. To end it after so many items there is ``ops.take``.
    """
    return _rewrite("stop_at()", partial(StopAt, *stops, include=include, max_match=max_match))


def _rewrite(
    operator: str, factory: Callable[[], Machine[str, str]]
) -> Callable[[Observable[Any]], Observable[Any]]:
    text_machine = made(operator, factory)
    make: Callable[[], Machine[Text, Text]] = lambda: rewriter(text_machine, operator)  # noqa: E731
    return lift(make)
