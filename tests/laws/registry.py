"""Every machine and every operator of rxstream, with what the laws need to know of it.

A new one is entered here, and all laws hold for it from then on; ``test_registry`` fails until it is.
Texts are short and rich in trouble for their machine: what it looks for is there whole, broken off,
twice in a row, and beside something that only looks like it.
"""

import inspect
import json
import os
import re
from collections.abc import Iterable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import rxstream as rxs
from rxstream.items import StreamChunk
from rxstream.sansio.characters import Characters
from rxstream.sansio.chat import ChatDecoder, ChatEvents
from rxstream.sansio.graphemes import Graphemes
from rxstream.sansio.join import SoFar
from rxstream.sansio.lines import Lines
from rxstream.sansio.literals import LiteralScanner
from rxstream.sansio.paragraphs import Paragraphs
from rxstream.sansio.patterns import stream_pattern
from rxstream.sansio.responses import ResponsesDecoder, ResponsesEvents
from rxstream.sansio.rewrite import PatternScanner, Redact, Replace, StopAt
from rxstream.sansio.sentences import Sentences
from rxstream.sansio.sse import SSEDecoder
from rxstream.sansio.texts import Rewriter, Splitter, rewriter, splitter
from rxstream.sansio.transform import Transform
from rxstream.sansio.words import UnicodeWords, Words
from tests.laws.entries import OfItems, OfText, Op, pieces_of_chunks
from tests.laws.joints import JOINT_EVENTS, JOINT_MACHINES
from tests.laws.parsers import PARSER_EVENTS, PARSER_MACHINES, PARSER_OPERATORS

__all__ = (
    "EVENTS",
    "MACHINES",
    "OPERATORS",
    "SPLITTING",
    "OfItems",
    "OfText",
    "Op",
    "last",
    "public_machines",
)


def joined(items: list[Any]) -> str:
    """Join what a rewriter gives: where its pieces are cut means nothing."""
    return "".join(items)


def last(items: list[Any]) -> str:
    """Take the last item: of snapshots only that is the same for every cutting."""
    return items[-1] if items else ""


class Marked:
    """A scanner's pairs as text, with each match in brackets."""

    def __init__(self, scanner: Any) -> None:
        self._scanner = scanner

    def feed(self, chunk: str) -> Iterator[str]:
        return self._text(self._scanner.feed(chunk))

    def close(self) -> Iterator[str]:
        return self._text(self._scanner.close())

    def _text(self, pairs: Iterable[tuple[str, Any]]) -> Iterator[str]:
        for text, match in pairs:
            if text:
                yield text if match is None else f"[{text}]"


# ---------------------------------------------------------------- texts

WORDS = ("Hello wor ld,\n\n  x\t y ", "日本語　中文 a\u00a0b", " 👩‍👩‍👧 don't\x1cstop\x85", "", "one")
SENTENCES = (
    'Dr. Wu paid $3.50. She said "No!" Then (again.) left... ok. ',
    "今日は。元気？ Yes! e.g. this, i.e. that. J. R. Smith et al. agree.\n\n- item one\n- item two",
    "Use `a. b` here. **Bold.** Next? See www.example.org. 1. One 2. Two",
    "",
)
LINES = ("a\nb\r\nc\rd\n\r\n\r\re", "\n", "no end", "x\x0c\u2028y\x85z\r", "")
PARAGRAPHS = ("One\ntwo.\n\n\nThree\r\n \t\r\n  four\r\rfive", "\n \n", "end\r\n", "")
GRAPHEMES = ("ae\u0301🇩🇪🇫🇷🇩 👩🏽‍🚀\r\n❤️1️⃣", "क्षि각\u1100\u1161\u0600a", "\u0301x", "")
COLOURS = ("I like colour and colours, grey colo", "grgreyy colgreyour", "ccolour👍grey日本", "")
SECRETS = ("key sk-123456 and sk-12345 sk-1234567", "my pass: swordfish, swordfis sword", "sssk-999999👍", "")
MAILS = ("write to ann@example.org or @b or c@d", "é@ü.de a@b", "x" * 20 + "@" + "y" * 5, "")
STOPS = ("One. END of it END", "EN END", "no stop E", "<<END>>", "", "日本END語")
CASED = ("Hello ß 日本 \u0301e", "", "x")
UNICODE = ("can't 3.14 it's a_b, x. y", "👩‍👩‍👧 e\u0301\u200d 🇩🇪🇫🇷", "a.1'b\u05d0\"\u05d1 …", "\r\n x  ")
UNSPACED = ("今日は世界 hello", "สวัสดีชาวโลก ok", "ភាសាខ្មែរ។", "中文，and日本語テキスト")
PLAIN = ("The quick brown fox. It runs!\n\nAnd again 👍🏽.", "a", "")

NUMBER = re.compile(r"sk-\d{6}")
MAIL = re.compile(r"\w+@\w+")

_CHOICE = '{"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":%s}]}'
CHAT = (
    f"data: {_CHOICE % ('Hé', 'null')}\n\ndata: {_CHOICE % ('y 👍', 'null')}\n\n"
    f"data: {_CHOICE % ('', json.dumps('stop'))}\n\ndata: [DONE]\n\n"
).encode()
RESPONSE = (
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","output_index":0,'
    b'"content_index":0,"delta":"H\xc3\xa9"}\n\n'
    b'event: response.completed\ndata: {"type":"response.completed","response":{"status":"completed"}}\n\n'
)
CHATS = (
    CHAT,
    CHAT[:-14],
    CHAT[:90].replace(b"\n", b"\r\n"),
    b'data: {"error":{"message":"no"}}\n\n',
    b'{"error":{"message":"no"}}',
    b"<html>",
    b"",
)
RESPONSES = (RESPONSE, RESPONSE[:-20], b'data: {"type":"error","message":"no"}\n\n', b"<html>", b"")
EVENT_STREAMS = (
    "\ufeffdata: a\n\nevent: x\r\ndata: b\r\ndata:c\r\n\r\n: no\rid: 7\rdata: é\r\r",
    "retry: 10\ndata\n\n\n\ndata: half",
    "",
)


def sse(events: Iterable[Any]) -> bytes:
    """Write decoded events as the wire has them."""
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def chat_events(count: int) -> list[dict[str, Any]]:
    """Make that many pieces of one answer."""
    return [{"choices": [{"index": 0, "delta": {"content": "word "}}]} for _ in range(count)]


def response_events(count: int) -> list[dict[str, Any]]:
    """Make that many pieces of one response."""
    return [
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "word "}
        for _ in range(count)
    ]


def cut_each(body: bytes, size: int = 64) -> list[bytes]:
    """Cut a body into pieces of one size."""
    return [body[place : place + size] for place in range(0, len(body), size)]


# ---------------------------------------------------------------- machines

#: Continuations of the patterns that are looked for.
SECRET_ENDS = ("123456", "k-123456", "-123456", "wordfish", "fish", "h")
BY_ITSELF = "what may be a match waits, also where it would come out as it is (see rewrite.py)"
COLOUR_ENDS = ("olour", "lour", "our", "ur", "r", "rey", "ey", "y")

MACHINES: Final[tuple[OfText, ...]] = (
    *PARSER_MACHINES,
    *JOINT_MACHINES,
    OfText(Characters, "Characters", lambda: Characters(3), GRAPHEMES, lossless=True, holds=2),
    OfText(Graphemes, "Graphemes", Graphemes, GRAPHEMES, lossless=True),
    OfText(Lines, "Lines", Lines, LINES),
    OfText(Lines, "Lines, ends kept", lambda: Lines(keep_ends=True), LINES, lossless=True),
    OfText(Paragraphs, "Paragraphs", Paragraphs, PARAGRAPHS),
    OfText(Words, "Words", Words, WORDS),
    OfText(Words, "Words, all kept", lambda: Words(keep_whitespace=True), WORDS, lossless=True),
    OfText(UnicodeWords, "UnicodeWords", UnicodeWords, UNICODE),
    OfText(
        UnicodeWords,
        "UnicodeWords, all kept",
        lambda: UnicodeWords(keep_whitespace=True),
        UNICODE,
        lossless=True,
    ),
    OfText(
        UnicodeWords,
        "UnicodeWords, of short runs",
        lambda: UnicodeWords(keep_whitespace=True, max_run=8),
        UNICODE,
        lossless=True,
        holds=16,
        late_because="where a run of 8 is cut, ICU is asked what it makes of the next 8",
    ),
    OfText(
        UnicodeWords,
        "UnicodeWords, by dictionary",
        UnicodeWords,
        UNSPACED,
        late_because="to a dictionary the words of a run depend on one another; it does not say which",
    ),
    OfText(Sentences, "Sentences", Sentences, SENTENCES),
    OfText(
        Sentences,
        "Sentences, all kept, cut at 20",
        lambda: Sentences(keep_whitespace=True, max_chars=20),
        SENTENCES,
        lossless=True,
        holds=40,
    ),
    OfText(Sentences, "Sentences, German", lambda: Sentences(language="de"), SENTENCES),
    OfText(
        Replace,
        "Replace, literals",
        lambda: Replace({"colour": "<color>", "grey": ""}),
        COLOURS,
        join=joined,
        continuations=COLOUR_ENDS,
    ),
    OfText(
        Replace,
        "Replace, each by itself",
        lambda: Replace({"colour": "colour", "grey": "grey"}),
        COLOURS,
        join=joined,
        continuations=COLOUR_ENDS,
        lossless=True,
        holds=len("colour") - 1,
        late_because=BY_ITSELF,
    ),
    OfText(
        Redact,
        "Redact, a literal and a pattern",
        lambda: Redact("swordfish", NUMBER, mask="*"),
        SECRETS,
        join=joined,
        continuations=SECRET_ENDS,
    ),
    OfText(
        Redact,
        "Redact, masked by itself",
        lambda: Redact("swordfish", NUMBER, mask=lambda secret: secret),
        SECRETS,
        join=joined,
        continuations=SECRET_ENDS,
        lossless=True,
        holds=len("swordfish") - 1,
        late_because=BY_ITSELF,
    ),
    OfText(
        Redact,
        "Redact, up to max_match",
        lambda: Redact(MAIL, mask="*", max_match=12),
        MAILS,
        join=joined,
        continuations=("a@b ", "@b ", "b ", "@"),
        long=(("mails", lambda size: ["to ann@ex", "ample, "] * (size // 16)),),
        late_because="a fault says where the match began, not what else could have come",
    ),
    OfText(
        StopAt,
        "StopAt",
        lambda: StopAt("END", "STOP"),
        STOPS,
        join=joined,
        continuations=("END", "ND", "D", "STOP", "TOP", "OP", "P"),
        long=(("text without a stop", lambda size: ["E EN "] * (size // 5)),),
    ),
    OfText(
        StopAt,
        "StopAt, included",
        lambda: StopAt("END", include=True),
        STOPS,
        join=joined,
        late_because=BY_ITSELF,
        long=(("text without a stop", lambda size: ["EEN "] * (size // 4)),),
    ),
    OfText(Transform, "Transform", lambda: Transform[str](str.upper), CASED, join=joined, holds=0),
    OfText(
        SoFar,
        "SoFar",
        SoFar,
        PLAIN,
        join=last,
        quadratic_because="what it gives is itself quadratic: every item is the whole text so far",
    ),
    OfText(
        LiteralScanner,
        "LiteralScanner",
        lambda: Marked(LiteralScanner(["colour", "grey"])),
        COLOURS,
        join=joined,
        continuations=COLOUR_ENDS,
    ),
    OfText(
        PatternScanner,
        "PatternScanner",
        lambda: Marked(PatternScanner([stream_pattern(NUMBER, None)])),
        SECRETS,
        join=joined,
        continuations=SECRET_ENDS,
    ),
    OfText(Splitter, "Splitter of Words", lambda: splitter(Words, "words()"), WORDS),
    OfText(
        Rewriter,
        "Rewriter of Replace",
        lambda: rewriter(lambda: Replace("colour", "<color>"), "replace()"),
        COLOURS,
        join=joined,
        continuations=COLOUR_ENDS,
    ),
    OfText(SSEDecoder, "SSEDecoder, text", SSEDecoder, EVENT_STREAMS),
    OfText(SSEDecoder, "SSEDecoder, bytes", SSEDecoder, tuple(stream.encode() for stream in EVENT_STREAMS)),
    OfText(
        ChatDecoder,
        "ChatDecoder",
        ChatDecoder,
        CHATS,
        long=(
            ("one answer", lambda size: cut_each(sse(chat_events(size // 64)))),
            ("one event", lambda size: cut_each(sse([{"choices": [], "pad": "x" * size}]), 4)),
        ),
    ),
    OfText(
        ResponsesDecoder,
        "ResponsesDecoder",
        ResponsesDecoder,
        RESPONSES,
        long=(("one response", lambda size: cut_each(sse(response_events(size // 64)))),),
    ),
)

EVENTS: Final[tuple[OfItems, ...]] = (
    *PARSER_EVENTS,
    *JOINT_EVENTS,
    OfItems(
        ChatEvents,
        "ChatEvents",
        ChatEvents,
        (
            tuple(chat_events(2)),
            (*chat_events(1), {"choices": [{"index": 0, "finish_reason": "stop"}]}),
        ),
        chat_events,
    ),
    OfItems(
        ResponsesEvents,
        "ResponsesEvents",
        ResponsesEvents,
        (
            tuple(response_events(2)),
            (*response_events(1), {"type": "response.completed", "response": {"status": "completed"}}),
        ),
        response_events,
    ),
    OfItems(
        Splitter,
        "Splitter on chunks",
        lambda: splitter(Sentences, "sentences()"),
        ((StreamChunk("Hi. The"), StreamChunk("", "stop"), StreamChunk("", usage=rxs.Usage(1, 2, 3))),),
        pieces_of_chunks,
    ),
    OfItems(
        Rewriter,
        "Rewriter on chunks",
        lambda: rewriter(lambda: Redact("wore", NUMBER), "redact()"),
        ((StreamChunk("wo"), StreamChunk("re wor"), StreamChunk("", "stop")),),
        pieces_of_chunks,
    ),
    OfItems(
        Transform,
        "Transform on chunks",
        lambda: Transform[StreamChunk](str.upper),
        ((StreamChunk("a"), StreamChunk(""), StreamChunk("b", "stop")),),
        pieces_of_chunks,
    ),
)


def _public_classes() -> Iterator[type]:
    folder = Path(rxs.sansio.__file__).parent
    for path in sorted(folder.glob("*.py")):
        module = import_module(f"rxstream.sansio.{path.stem}".removesuffix(".__init__"))
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing):
                yield thing


def public_machines() -> set[type]:
    """Find every class of ``rxstream.sansio`` that can be fed and closed and is no base or protocol."""
    classes = set(_public_classes())
    bases = {base for one in classes for base in one.__mro__[1:]}
    return {
        one
        for one in classes
        if hasattr(one, "feed")
        and hasattr(one, "close")
        and not getattr(one, "_is_protocol", False)
        # Splitter and Rewriter have private variants of their own; only a *public* subclass makes a base.
        and (one not in bases or one in {Splitter, Rewriter})
        and not inspect.isabstract(one)
    }


# ---------------------------------------------------------------- operators

OPERATORS: tuple[Op, ...] = (
    *PARSER_OPERATORS,
    Op("buffer_words", "buffer_words()", rxs.buffer_words, WORDS),
    Op(
        "buffer_words",
        "buffer_words(keep_whitespace=True)",
        lambda: rxs.buffer_words(keep_whitespace=True),
        WORDS,
        lossless=True,
    ),
    Op(
        "buffer_words",
        "buffer_words(rule='unicode')",
        lambda: rxs.buffer_words(rule="unicode"),
        UNICODE + UNSPACED,
    ),
    Op("buffer_sentences", "buffer_sentences()", rxs.buffer_sentences, SENTENCES),
    Op(
        "buffer_sentences",
        "buffer_sentences(keep_whitespace=True, max_chars=20)",
        lambda: rxs.buffer_sentences(keep_whitespace=True, max_chars=20),
        SENTENCES,
        lossless=True,
    ),
    Op("buffer_lines", "buffer_lines()", rxs.buffer_lines, LINES),
    Op(
        "buffer_lines",
        "buffer_lines(keep_ends=True)",
        lambda: rxs.buffer_lines(keep_ends=True),
        LINES,
        lossless=True,
    ),
    Op("buffer_paragraphs", "buffer_paragraphs()", rxs.buffer_paragraphs, PARAGRAPHS),
    Op("buffer_graphemes", "buffer_graphemes()", rxs.buffer_graphemes, GRAPHEMES, lossless=True),
    Op("buffer_chars", "buffer_chars(3)", lambda: rxs.buffer_chars(3), GRAPHEMES, lossless=True),
    Op("buffer_by", "buffer_by('word')", lambda: rxs.buffer_by("word"), WORDS),
    Op("buffer_with", "buffer_with(Words)", lambda: rxs.buffer_with(Words), WORDS),
    Op(
        "buffer_with",
        "buffer_with(StopAt)",
        lambda: rxs.buffer_with(partial(StopAt, "END")),
        STOPS,
        join=joined,
        finishes=True,
    ),
    Op("transform", "transform(str.upper)", lambda: rxs.transform(str.upper), CASED, rewrites=True),
    Op(
        "replace_text",
        "replace_text({...})",
        lambda: rxs.replace_text({"colour": "color", "grey": "gray"}),
        COLOURS,
        rewrites=True,
    ),
    Op(
        "replace_text",
        "replace_text(pattern, ...)",
        lambda: rxs.replace_text(MAIL, r"<\g<0>>", max_match=12),
        MAILS,
        rewrites=True,
    ),
    Op("redact", "redact(...)", lambda: rxs.redact("swordfish", NUMBER), SECRETS, rewrites=True),
    Op(
        "redact",
        "redact(pattern, max_match=12)",
        lambda: rxs.redact(MAIL, max_match=12),
        MAILS,
        rewrites=True,
    ),
    Op("stop_at", "stop_at('END')", lambda: rxs.stop_at("END"), STOPS, rewrites=True, finishes=True),
    Op(
        "stop_at",
        "stop_at('END', include=True)",
        lambda: rxs.stop_at("END", include=True),
        STOPS,
        rewrites=True,
        finishes=True,
    ),
    Op("accumulate", "accumulate()", rxs.accumulate, PLAIN, join=last),
    Op("parse_sse", "parse_sse()", rxs.parse_sse, EVENT_STREAMS, takes_chunks=False),
    Op(
        "parse_sse",
        "parse_sse(max_event_size=30)",
        lambda: rxs.parse_sse(max_event_size=30),
        EVENT_STREAMS,
        takes_chunks=False,
    ),
    Op("lift", "lift(Words)", lambda: rxs.lift(Words), WORDS, takes_chunks=False),
    Op(
        "record_stream",
        "record_stream(...)",
        lambda: rxs.record_stream(os.devnull),
        PLAIN,
        rewrites=True,
        cut_because="a tap: what comes out is what went in",
    ),
)

#: Those whose items are the same wherever the text is cut, without a join.
SPLITTING: tuple[Op, ...] = tuple(op for op in OPERATORS if not op.rewrites and op.join is None)
