"""Text to complete units: words, sentences, lines, paragraphs, graphemes, pieces."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeVar

from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.pipeline import named
from rxstream.errors import UnknownName
from rxstream.items import Text
from rxstream.sansio import Machine
from rxstream.sansio.characters import Characters
from rxstream.sansio.graphemes import Graphemes
from rxstream.sansio.lines import Lines
from rxstream.sansio.paragraphs import Paragraphs
from rxstream.sansio.sentences import Sentences
from rxstream.sansio.texts import splitter
from rxstream.sansio.words import UnicodeWords, Words
from rxstream.text.made import made

__all__ = (
    "buffer_by",
    "buffer_chars",
    "buffer_graphemes",
    "buffer_lines",
    "buffer_paragraphs",
    "buffer_sentences",
    "buffer_with",
    "buffer_words",
)

T = TypeVar("T")
Operator = Callable[[Observable[Text]], Observable[T]]


@named
def buffer_words(
    *, keep_whitespace: bool = False, rule: Literal["whitespace", "unicode"] = "whitespace"
) -> Operator[str]:
    """Give complete words.

        --'Hel'--'lo wor'--'ld, '---'you'--|
        buffer_words()
        ---------'Hello'---'world,'--------('you'|)

        words = rxs.from_stream(["Hel", "lo wor", "ld, ", "you"]).pipe(rxs.buffer_words())
        print(rxs.run(words))  #> ['Hello', 'world,', 'you']

    A word is what ``str.split()`` takes for one: a run of anything but white space. It comes out as soon
    as the white space behind it begins, the last one at the end.

    ``keep_whitespace``: joining the words gives the text back, character for character; each word carries
    the white space *before* it, so nothing waits, and white space at the very end comes as an item.

        --'Hel'--'lo wor'--'ld '-----|
        buffer_words(keep_whitespace=True)
        ---------'Hello'---' world'--(' '|)

    ``rule="unicode"``: words by UAX #29 and, for Chinese, Japanese, Thai and their like, by dictionary; what
    has no letter, digit or ideograph in it is none. Needs ``pip install 'rxstream[unicode]'``.

    At an error the unfinished word is dropped. Memory: the unfinished word; by the rule "unicode" little more
    than 256 characters. Raises UnknownName for another rule, ImportError for "unicode" without its package;
    as the stream's error MixedChoices for chunks of two choices (``n=2``), TypeError for items that are no
    text. For whole sentences there is ``buffer_sentences``, for what a reader sees as one character
    ``buffer_graphemes``.
    """
    if rule == "whitespace":
        return _split("buffer_words()", partial(Words, keep_whitespace=keep_whitespace))
    if rule == "unicode":
        return _split("buffer_words()", partial(UnicodeWords, keep_whitespace=keep_whitespace))
    msg = f"buffer_words(rule=...) expects 'whitespace' or 'unicode' and got {rule!r}"
    raise UnknownName(msg)


@named
def buffer_sentences(
    *, language: str = "en", keep_whitespace: bool = False, max_chars: int | None = None
) -> Operator[str]:
    """Give complete sentences.

        --'Dr. Wu pa'--'id $3.50. She l'----'eft! '------|
        buffer_sentences()
        ---------------'Dr. Wu paid $3.50.'-'She left!'--|

        sentences = rxs.from_stream(["I met Dr. W", "u. She l", "eft!"]).pipe(rxs.buffer_sentences())
        print(rxs.run(sentences))  #> ['I met Dr. Wu.', 'She left!']

    Rules of our own, which look ahead to the next word and no further: abbreviations, numbers, initials,
    quotes, list items, URLs, inline code and Markdown emphasis do not deceive them; a blank line always
    ends a sentence. ``？！。`` need no space behind them.

    ``language``: the rule set, "de", "en", "es", "fr", "it", "ja", "nl", "pt" or "zh"; a region may follow,
    as in "pt-BR". ``keep_whitespace``: joining the sentences gives the text back; each carries the white
    space before it, and white space at the very end comes as an item. ``max_chars``: a sentence of more
    characters than that is cut at its last white space before, or, if it has none, right there; None for no
    limit.

    At an error the unfinished sentence is dropped. Memory: the unfinished sentence, which only ``max_chars``
    bounds. Raises UnknownName for another language, ValueError for a ``max_chars`` that is no positive int;
    as the stream's error MixedChoices for chunks of two choices (``n=2``), TypeError for items that are no
    text. For speech, this; for a ticker, ``buffer_words``.
    """
    make = partial(Sentences, language=language, keep_whitespace=keep_whitespace, max_chars=max_chars)
    return _split("buffer_sentences()", make)


@named
def buffer_lines(*, keep_ends: bool = False) -> Operator[str]:
    r"""Give complete lines, without their ends.

        --'a = 1\nb'--' = 2\n\n'------'c'--|
        buffer_lines()
        --'a = 1'-----('b = 2''')----------('c'|)

        lines = rxs.from_stream(["a = 1\nb", " = 2\n\n", "c"]).pipe(rxs.buffer_lines())
        print(rxs.run(lines))  #> ['a = 1', 'b = 2', '', 'c']

    A line ends at ``\n``, ``\r\n`` or ``\r``; the last one at the end of the text. ``keep_ends``: lines
    carry their ends, and joining them gives the text back.

    At an error the unfinished line is dropped. Memory: the unfinished line. Raises, as the stream's error,
    MixedChoices for chunks of two choices (``n=2``), TypeError for items that are no text. For blocks between
    blank lines there is ``buffer_paragraphs``, for lines of JSON ``parse_ndjson``.
    """
    return _split("buffer_lines()", partial(Lines, keep_ends=keep_ends))


@named
def buffer_paragraphs() -> Operator[str]:
    r"""Give complete paragraphs: what stands between blank lines.

        --'One\ntw'--'o.\n\nThr'--'ee.'--|
        buffer_paragraphs()
        -------------'One\ntwo.'---------('Three.'|)

        paragraphs = rxs.from_stream(["One\ntw", "o.\n\nThr", "ee."]).pipe(rxs.buffer_paragraphs())
        print(rxs.run(paragraphs))  #> ['One\ntwo.', 'Three.']

    A blank line is empty or holds nothing but white space. Line ends inside of a paragraph stay as they are;
    blank lines, and the line end before them, are dropped. The last paragraph ends with the text.

    At an error the unfinished paragraph is dropped. Memory: the unfinished paragraph. Raises, as the stream's
    error, MixedChoices for chunks of two choices (``n=2``), TypeError for items that are no text. For the
    blocks of a Markdown text, in which a list or a fence may hold blank lines, there is ``parse_markdown``.
    """
    return _split("buffer_paragraphs()", Paragraphs)


@named
def buffer_graphemes() -> Operator[str]:
    """Give whole characters, as a reader sees them: an emoji with its skin tone, a letter with its accents.

        --'ab'------'c'--|
        buffer_graphemes()
        --'a'-------'b'--('c'|)

        characters = rxs.from_stream(["👍", "🏽🇪", "🇺!"]).pipe(rxs.buffer_graphemes())
        print(rxs.run(characters))  #> ['👍🏽', '🇪🇺', '!']

    Extended grapheme clusters of UAX #29. A cluster comes out when the next one begins, since one more
    accent can always follow; a line feed at once. Joining them gives the text back.

    At an error the last one is dropped. Memory: one cluster. Raises, as the stream's error, MixedChoices for
    chunks of two choices (``n=2``), TypeError for items that are no text. For pieces of one length there is
    ``buffer_chars``; for text that flows evenly, in larger slices that end where a cluster does,
    ``pace_stream``.
    """
    return _split("buffer_graphemes()", Graphemes)


@named
def buffer_chars(n: int) -> Operator[str]:
    """Give pieces of exactly ``n`` characters (code points); the last one may be shorter.

        --'abc'-----'de'-------'f'--|
        buffer_chars(2)
        --'ab'------'cd'-------'ef'-|

        pieces = rxs.from_stream(["abc", "de", "fg"]).pipe(rxs.buffer_chars(3))
        print(rxs.run(pieces))  #> ['abc', 'def', 'g']

    Joining them gives the text back. A piece may part a letter from its accent; ``buffer_graphemes`` does
    not.

    At an error the unfinished piece is dropped. Memory: less than ``n`` characters. Raises ValueError unless
    ``n`` is a positive int; as the stream's error MixedChoices for chunks of two choices (``n=2``), TypeError
    for items that are no text.
    """
    return _split("buffer_chars()", partial(Characters, n))


_KINDS: dict[str, Callable[..., Operator[str]]] = {
    "word": buffer_words,
    "sentence": buffer_sentences,
    "line": buffer_lines,
    "paragraph": buffer_paragraphs,
    "grapheme": buffer_graphemes,
    "char": buffer_chars,
}


@named
def buffer_by(kind: str, /, *arguments: Any, **options: Any) -> Operator[str]:
    """Give complete units of the named kind: "word", "sentence", "line", "paragraph", "grapheme", "char".

        --'Hel'--'lo wor'--'ld'-----|
        buffer_by("word")
        ---------'Hello'------------('world'|)

        unit, options = "sentence", {"language": "de"}
        text = rxs.from_stream(["Da kam Hr. M", "eier. Er blieb."])
        print(rxs.run(text.pipe(rxs.buffer_by(unit, **options))))  #> ['Da kam Hr. Meier.', 'Er blieb.']

    For when the ``kind`` comes from a setting or a request; ``arguments`` and ``options`` go to the operator
    of that name, ``buffer_words`` for "word" and so on, whose docstring tells the rest.

    Raises UnknownName, which lists the kinds, and what that operator raises, TypeError for options that it
    has not.
    """
    try:
        operator = _KINDS[kind]
    except (KeyError, TypeError):
        known = ", ".join(repr(name) for name in _KINDS)
        msg = (
            f"buffer_by() expects one of {known} and got {kind!r}. "
            f"For units of your own there is buffer_with(machine_factory)."
        )
        raise UnknownName(msg) from None
    return operator(*arguments, **options)


@named
def buffer_with(machine_factory: Callable[[], Machine[str, T]]) -> Operator[T]:
    """Give the units that a text machine of yours finds.

        --'Hel'--'lo wor'--'ld'-----|
        buffer_with(sansio.words.Words)
        ---------'Hello'------------('world'|)

        class Shouts:
            def feed(self, chunk):
                return [letter for letter in chunk if letter.isupper()]

            def close(self):
                return ()

        print(rxs.run(rxs.from_stream(["a B", "c D"]).pipe(rxs.buffer_with(Shouts))))  #> ['B', 'D']

    ``machine_factory`` makes a machine for each text: ``feed(str)`` and ``close()``, each giving the units
    that are certain by then (the contract stands at the top of ``rxstream.sansio``;
    ``rxstream.testing.check_machine`` tests it). It sees the text of chunks, and a finish reason closes it.

    At an error the machine is dropped, with what it holds; its own error comes behind what it gave before.
    Raises TypeError for what cannot be called; as the stream's error MixedChoices for chunks of two choices
    (``n=2``), TypeError for items that are no text. For machines on other items there is ``lift``.
    """
    if not callable(machine_factory):
        msg = (
            f"buffer_with() expects a machine's class, or a function that makes one, and got "
            f"{machine_factory!r}. Each text needs a machine of its own."
        )
        raise TypeError(msg)
    return lift(lambda: splitter(machine_factory, "buffer_with()"))


def _split(operator: str, factory: Callable[[], Machine[str, str]]) -> Operator[str]:
    make = made(operator, factory)
    return lift(lambda: splitter(make, operator))
