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

    A word is what ``str.split()`` takes for one: a run of anything but white space. It comes out as soon
    as the white space behind it begins, the last one at the end.

    ``keep_whitespace``: joining the words gives the text back, character for character; each word carries
    the white space *before* it, so nothing waits, and white space at the very end comes as an item.

        --'Hel'--'lo wor'--'ld '-----|
        buffer_words(keep_whitespace=True)
        ---------'Hello'---' world'--(' '|)

    ``rule="unicode"``: words by UAX #29 and, for Chinese, Japanese, Thai and their like, by dictionary.
    Needs ``pip install 'rxstream[unicode]'``, ImportError says so; raises UnknownName for another rule.

    At an error the unfinished word is dropped. Memory: the unfinished word. For whole sentences there is
    ``buffer_sentences``, for what a reader sees as one character ``buffer_graphemes``.
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

    Rules of our own, which look ahead to the next word and no further: abbreviations, numbers, initials,
    quotes, list items, URLs, inline code and Markdown emphasis do not deceive them; a blank line always
    ends a sentence. ``？！。`` need no space behind them.

    ``language``: the rule set, as in "en", "de" or "pt-BR"; raises UnknownName, which lists them.
    ``keep_whitespace``: joining the sentences gives the text back; each carries the white space before it.
    ``max_chars``: a sentence that does not end within so many characters is cut at white space.

    At an error the unfinished sentence is dropped. Memory: the unfinished sentence, which only
    ``max_chars`` bounds. For speech, this; for a ticker, ``buffer_words``.
    """
    make = partial(Sentences, language=language, keep_whitespace=keep_whitespace, max_chars=max_chars)
    return _split("buffer_sentences()", make)


@named
def buffer_lines(*, keep_ends: bool = False) -> Operator[str]:
    r"""Give complete lines, without their ends.

        --'a = 1\nb'--' = 2\n\n'------'c'--|
        buffer_lines()
        --'a = 1'-----('b = 2''')----------('c'|)

    A line ends at ``\n``, ``\r\n`` or ``\r``; the last one at the end of the text. ``keep_ends``: lines
    carry their ends, and joining them gives the text back. At an error the unfinished line is dropped.
    Memory: the unfinished line. For blocks between blank lines there is ``buffer_paragraphs``.
    """
    return _split("buffer_lines()", partial(Lines, keep_ends=keep_ends))


@named
def buffer_paragraphs() -> Operator[str]:
    r"""Give complete paragraphs: what stands between blank lines.

        --'One\ntw'--'o.\n\nThr'--'ee.'--|
        buffer_paragraphs()
        -------------'One\ntwo.'---------('Three.'|)

    Line ends inside stay as they are. At an error the unfinished paragraph is dropped. Memory: the
    unfinished paragraph.
    """
    return _split("buffer_paragraphs()", Paragraphs)


@named
def buffer_graphemes() -> Operator[str]:
    """Give whole characters, as a reader sees them: an emoji with its skin tone, a letter with its accents.

        --'ab'------'c'--|
        buffer_graphemes()
        --'a'-------'b'--('c'|)

    Extended grapheme clusters of UAX #29. A cluster comes out when the next one begins, since one more
    accent can always follow. Joining them gives the text back. At an error the last one is dropped.
    """
    return _split("buffer_graphemes()", Graphemes)


@named
def buffer_chars(n: int) -> Operator[str]:
    """Give pieces of exactly ``n`` characters (code points); the last one may be shorter.

        --'abc'-----'de'-------'f'--|
        buffer_chars(2)
        --'ab'------'cd'-------'ef'-|

    Joining them gives the text back. Raises ValueError unless ``n`` is a positive int. A piece may part a
    letter from its accent; ``buffer_graphemes`` does not.
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

    For when the kind comes from a setting or a request; ``arguments`` and ``options`` go to the operator of
    that name. Raises UnknownName, which lists the kinds.
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

    ``machine_factory`` makes a machine for each text: ``feed(str)`` and ``close()``, each giving the units
    that are certain by then (the contract stands at the top of ``rxstream.sansio``;
    ``rxstream.testing.check_machine`` tests it). For machines on other items there is ``lift``.
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
