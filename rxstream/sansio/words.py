"""Words: what white space separates, and what Unicode's rules and dictionaries call a word."""

import functools
import itertools
import re
from collections.abc import Iterable

import regex

__all__ = ("UnicodeWords", "Words")

# For every code point, \s of `re` is what str.isspace() and str.split() mean by white space.
# (\s of `regex` is not: it lacks U+001C to U+001F.)
_WORD = re.compile(r"\s*+\S++")

_NEWLINES = "\n\x0b\x0c\x85\u2028\u2029"
_SURROGATE = re.compile("[\ud800-\udfff]")


class Words:
    """Split the text into words, as ``str.split`` does: runs of anything but white space.

    A word comes out when the white space behind it begins. Over the whole text

    * by default the output is ``text.split()``;
    * with ``keep_whitespace`` joining the output gives the text back. Each word carries the white space
      *before* it, so that no word waits for the end of white space; white space at the end of the text comes
      at the close as an item of its own.

    Holds back the unfinished word, and with ``keep_whitespace`` the white space before it, however long.
    For languages written without spaces there is ``UnicodeWords``.
    """

    __slots__ = ("_keep_whitespace", "_pieces")

    def __init__(self, *, keep_whitespace: bool = False) -> None:
        self._keep_whitespace = keep_whitespace
        self._pieces: list[str] = []

    def feed(self, chunk: str) -> Iterable[str]:
        """Give the words that are complete now."""
        if self._keep_whitespace:
            return self._kept(chunk) if chunk else ()
        pieces = self._pieces
        words = chunk.split()
        if not words:
            if not (chunk and pieces):
                return ()
            self._pieces = []
            return ("".join(pieces),)
        if len(words) == 1:
            # What models send most of the time: a piece of a word, or a space and a word.
            word = words[0]
            if len(word) == len(chunk):
                pieces.append(word)
                return ()
            if pieces and chunk[0].isspace() and not chunk[-1].isspace():
                self._pieces = words
                return ("".join(pieces),)
        if pieces:
            if chunk[0].isspace():
                words.insert(0, "".join(pieces))
            else:
                pieces.append(words[0])
                words[0] = "".join(pieces)
        self._pieces = [] if chunk[-1].isspace() else [words.pop()]
        return words

    def close(self) -> Iterable[str]:
        """Give the last word, or the white space kept at the end."""
        return ("".join(self._pieces),) if self._pieces else ()

    def _kept(self, chunk: str) -> list[str]:
        pieces = self._pieces
        words: list[str] = []
        if pieces and chunk[0].isspace() and not pieces[-1][-1].isspace():
            words.append("".join(pieces))
            pieces.clear()
        body = chunk.rstrip()
        found: list[str] = _WORD.findall(body)
        rest = chunk[len(body) :] or found.pop()
        if found:
            pieces.append(found[0])
            found[0] = "".join(pieces)
            pieces.clear()
            words += found
        pieces.append(rest)
        return words


class UnicodeWords:
    """Split the text into words by UAX #29 and dictionaries: also Chinese, Japanese, Thai, Khmer, Burmese ...

    Needs ICU: ``pip install 'rxstream[unicode]'``, else ``ImportError``. Over the whole text

    * by default the output is every segment with a letter, a digit or an ideograph in it: "can't" and
      "3.14" are one word each, spaces, punctuation and emoji are none;
    * with ``keep_whitespace`` it is every segment, and joining the output gives the text back.

    A word comes out when its end is certain: with the character behind it, or, if that one could join it
    to a next part ("can'", "3."), with the one behind that. To a dictionary the words of a run depend on
    one another, so they come out together when their run ends: at a space, punctuation, another script.

    Holds back little more than ``max_run`` characters. Of a longer run ICU is shown ``max_run``, the words
    that end in the first three quarters come out, and the rest goes with what follows. Where none ends
    there, as in 300 letters without a space, the characters shown are cut off from the rest. All runs that
    are shorter give what ICU makes of the whole text.

    Raises ``ValueError`` if ``max_run`` is not positive.
    """

    __slots__ = ("_breaker", "_held", "_is_word", "_keep_whitespace", "_match", "_max_run")

    def __init__(self, *, keep_whitespace: bool = False, max_run: int = 256) -> None:
        if max_run < 1:
            raise ValueError(
                f"UnicodeWords: max_run expects a positive number of characters, got {max_run!r}"
            )
        try:
            from icu4py.breakers import WordBreaker  # noqa: PLC0415 - an optional package
        except ImportError as error:
            raise ImportError(
                "UnicodeWords needs the package icu4py, which is not here: pip install 'rxstream[unicode]'"
            ) from error
        self._breaker = WordBreaker
        self._match = _stretch().match
        self._is_word = _wordlike().search
        self._keep_whitespace = keep_whitespace
        self._max_run = max_run
        self._held = ""

    def feed(self, chunk: str) -> Iterable[str]:
        """Give the words that no continuation can change."""
        # What is held is looked at again for each step. It is never much longer than max_run, so it is the
        # steps that must not be.
        step = self._max_run
        words: list[str] = []
        for start in range(0, len(chunk), step):
            self._take(chunk[start : start + step], words)
        return words

    def close(self) -> Iterable[str]:
        """Give the words of the last run."""
        return self._wanted(self._segments(self._held))

    def _take(self, chunk: str, words: list[str]) -> None:
        text = self._held + chunk
        start, size, max_run = 0, len(text), self._max_run
        while start < size:
            stretch = self._match(text, start)
            assert stretch is not None  # it matches any character
            end = known = stretch.end()
            if end == size and stretch["open"]:
                known = stretch.start("open")
            if known - start >= max_run:
                segments = self._cut(text[start : start + max_run])
                end = start + sum(map(len, segments))
            elif end == size and text[-1] not in _NEWLINES:
                break
            else:
                whole = text[start:end]
                segments = [whole] if whole.isascii() else self._segments(whole)
            words += self._wanted(segments)
            start = end
        self._held = text[start:]

    def _wanted(self, segments: list[str]) -> list[str]:
        return segments if self._keep_whitespace else [word for word in segments if self._is_word(word)]

    def _segments(self, text: str) -> list[str]:
        # The locale changes nothing: ICU has one set of rules and dictionaries for all.
        try:
            return list(self._breaker(text, "en"))
        except UnicodeEncodeError:
            # icu4py takes no lone surrogates. Like U+FFFD, they are symbols that join nothing.
            ends = itertools.accumulate(
                map(len, self._breaker(_SURROGATE.sub("\ufffd", text), "en")), initial=0
            )
            return [text[start:end] for start, end in itertools.pairwise(ends)]

    def _cut(self, run: str) -> list[str]:
        """Give the segments of a run that is too long, without the last ones, which need what follows."""
        segments = self._segments(run)
        limit = len(run) * 3 // 4
        ends = itertools.accumulate(map(len, segments))
        certain = [segment for segment, end in zip(segments, ends, strict=True) if end <= limit]
        return certain or segments


@functools.cache
def _wordlike() -> regex.Pattern[str]:
    return regex.compile(r"[\p{Alphabetic}\p{N}]")


@functools.cache
def _stretch() -> regex.Pattern[str]:
    """Make the pattern of a stretch: text that ends at a certain boundary. Its inside is ICU's business.

    Most stretches are one word. What stands behind a stretch changes nothing in it, nor the other way round.
    The rules are those of UAX #29, with ICU's own for Hangul syllables, which join nothing but each other.
    Where the pattern is coarser than the rules (for an apostrophe between a Hebrew letter and a digit), a
    word comes a little later; where it were finer, words would be wrong.

    The group "open" is a possible middle of a word at the end of what is known. Only the next character tells
    whether it is one, so it belongs to the match, but does not count as part of the stretch yet. At most 30
    marks may stand on a middle, the bound of Unicode's stream-safe text format (UAX #15).

    Compiled when first needed: it takes 20 ms, which an ``import rxstream`` should not.
    """
    marks = r"[\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]"
    hangul = r"[\uAC00-\uD7A3]"
    # These go to a dictionary; so do Thai, Khmer and their like, but as letters among letters.
    kana_or_han = rf"[[\p{{Han}}\p{{Hiragana}}\p{{Katakana}}\p{{WB=Katakana}}]--{marks}]"
    hebrew = r"\p{WB=Hebrew_Letter}"
    letter = rf"[[\p{{WB=ALetter}}{hebrew}\p{{LB=SA}}]--{marks}--{kana_or_han}--{hangul}]"
    digit = rf"[\p{{WB=Numeric}}--{marks}--{kana_or_han}]"
    joiner = r"\p{WB=ExtendNumLet}"  # "_" and its like
    flag = r"\p{WB=RI}"

    def middle(characters: str, next_one: str) -> str:
        """Match one of the characters between two of a kind, the first of which has been matched already."""
        marked = rf"[{characters}]{marks}{{0,30}}+"
        return rf"(?:{marked}(?={next_one})|(?P<open>{marked}\Z))"

    either = r"\p{WB=MidNumLet}\p{WB=Single_Quote}"
    in_hebrew = middle('"', hebrew)
    in_word = middle(rf"\p{{WB=MidLetter}}{either}", letter)
    in_number = middle(rf"\p{{WB=MidNum}}{either}", digit)
    alphanumerics = rf"""(?:
        {hebrew}{marks}*+(?:'{marks}*+|{in_hebrew})
        |{letter}{marks}*+{in_word}?+
        |{digit}{marks}*+{in_number}?+
    )++"""
    run = rf"(?:{alphanumerics}|(?:{kana_or_han}{marks}*+)++)"
    joiners = rf"(?:{joiner}{marks}*+)++"
    one = rf"""(?:
        # Nothing but a shortcut for plain English, which does without the large character classes.
        [A-Za-z]++(?=[\ \n]|\Z)|\ ++(?=[A-Za-z]|\Z)
        |\r\n|[\r\n\p{{WB=Newline}}]
        |\p{{WB=WSegSpace}}++{marks}*+
        |{flag}{marks}*+(?:{flag}{marks}*+)?+
        |{hangul}++{marks}*+
        |{run}(?:{joiners}{run}?+)*+
        |(?:{joiners}{run}?+)++
        |.{marks}*+
    )"""
    # The blocks of the emoji as a whole: what is reserved for emoji changes with the version of Unicode,
    # and the one of `regex` need not be that of ICU.
    emoji_behind_joiner = r"(?<=\u200D)(?=[\p{Extended_Pictographic}\U0001F000-\U0001FAFF])"
    return regex.compile(rf"{one}(?:{emoji_behind_joiner}{one})*+", regex.VERBOSE | regex.DOTALL | regex.V1)
