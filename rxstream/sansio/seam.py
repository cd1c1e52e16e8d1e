"""The seam between an answer that broke off and the text that goes on with it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import regex

from rxstream.errors import AnswerChanged

__all__ = ("Seam", "overlaps", "safe_prefix")

#: A last character of which half may be missing: it ends in a joiner, or it is the first half of a flag, the
#: beginning of a Korean syllable, or a sign that belongs to what follows.
_UNFINISHED: Final = regex.compile(
    r"(?:\X(?<=\u200d)|(?<!\p{GCB=RI})(?:\p{GCB=RI}{2})*+\K\p{GCB=RI}|\p{GCB=L}++|\p{GCB=Prepend}++)\Z"
)
#: Such a character is never longer than this; what is would be looked for in vain.
_LONGEST: Final = 64

#: The last words of a text, as places in it.
_WORD: Final = re.compile(r"(?<!\S)\S")
_WORDS: Final = 8

#: A text that begins like the delivered one for so many characters, and then differs, is no continuation.
_BEGINS_ANEW: Final = 24


def safe_prefix(text: str) -> str:
    """Cut a text back to where a model can go on: not behind white space, not inside a character.

    Tokens mostly begin with the white space before a word. A model that is made to go on behind it takes up
    another thread, or repeats it; some providers drop it.
    """
    found = _UNFINISHED.search(text, pos=max(0, len(text) - _LONGEST))
    return (text if found is None else text[: found.start()]).rstrip()


def overlaps(text: str) -> tuple[str, ...]:
    """Give what a model that was told to go on may say again: the last words, the last of them cut or not."""
    tail = text[-400:]
    starts = [found.start() for found in _WORD.finditer(tail)][-_WORDS:]
    return tuple(tail[start:] for start in starts if len(tail) - start > 1)


class Seam:
    """Let pass what is new of a text that goes on behind ``sent``, and drop what was delivered already.

    ``sent``: what the model was told it had said; ``tail``: what had been delivered behind that. Dropped are,
    in this order: ``sent`` itself, if the model repeats it (``echo`` says whether it does; None: find out),
    or the longest of ``overlaps``; then ``tail``. Of a tail of white space only so much is dropped as comes
    again. Any other must come again, or it is ``AnswerChanged``. So is a text that begins like ``sent`` and
    then says something else, when it is not known that the model does not repeat.

    Held back is only what may still turn out to be a repetition.
    """

    __slots__ = ("_at", "_may_begin_anew", "_open", "_repeated", "_sent", "_tail")

    def __init__(
        self, sent: str, tail: str = "", *, echo: bool | None = None, overlaps: Sequence[str] = ()
    ) -> None:
        self._sent = sent
        self._tail = tail
        #: What the new text may be a repetition of, all equal up to ``_at``; the longest that was whole.
        self._open: list[str] = [*overlaps]
        if echo is not False:
            self._open.append(sent)
        self._may_begin_anew = echo is None
        self._at = 0
        self._repeated = 0

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece of the new text; give what is new of it."""
        if self._open:
            return self._find(text)
        if self._tail:
            return self._drop_tail(text)
        return (text,) if text else ()

    def close(self) -> Iterable[str]:
        """Give what was held back; raise ``AnswerChanged`` if what must come again has not."""
        if self._open:
            yield from self._decide(self._open[0][: self._at])
        if self._tail.strip():
            raise self._changed("")

    def _find(self, text: str) -> Iterator[str]:
        """See whether the text goes on like something that was said before."""
        at = self._at
        held = self._open[0][:at]
        going_on: list[str] = []
        for said in self._open:
            rest = len(said) - at
            if rest <= len(text):
                if text.startswith(said[at:]):
                    self._repeated = max(self._repeated, len(said))
            elif said.startswith(text, at):
                going_on.append(said)
        if going_on:
            self._at = at + len(text)
            self._open = going_on
            return
        yield from self._decide(held + text)

    def _decide(self, text: str) -> Iterator[str]:
        self._open = []
        if self._may_begin_anew and not self._repeated:
            same = _same(text, self._sent)
            if same >= _BEGINS_ANEW and same < len(text):
                raise AnswerChanged(
                    f"asked to go on, the model began anew and then said something else: expected it to repeat "
                    f"{self._sent[same : same + 40]!r}, got {text[same : same + 40]!r}. Say how this server "
                    f'continues (continuation="none" if it cannot).',
                    delivered=self._sent[same:],
                    came=text[same:],
                )
        text = text[self._repeated :]
        yield from self._drop_tail(text) if self._tail else [text] * bool(text)

    def _drop_tail(self, text: str) -> Iterator[str]:
        tail = self._tail
        same = _same(text, tail)
        if same == len(text) < len(tail):
            self._tail = tail[same:]
            return
        if same < len(tail) and tail[same:].strip():
            raise self._changed(text[same:])
        self._tail = ""
        if text[same:]:
            yield text[same:]

    def _changed(self, came: str) -> AnswerChanged:
        return AnswerChanged(
            f"the model, asked to go on before the last character, did not repeat it: expected "
            f"{self._tail[:40]!r}, got {came[:40]!r}",
            delivered=self._tail,
            came=came,
        )


def _same(one: str, other: str) -> int:
    """Count the characters that two texts begin with alike."""
    if one.startswith(other):
        return len(other)
    for at, (mine, its) in enumerate(zip(one, other, strict=False)):
        if mine != its:
            return at
    return min(len(one), len(other))
