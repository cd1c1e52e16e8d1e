"""Whether a sentence ends at a terminator: a look at the word before and the word behind it.

The answer is a verdict and the position behind the terminator and what closes there: where the sentence
ends, if it does, and where to look on, if it does not. When the text grows, the verdict never changes except
from ``WAIT`` to one of the others, and the position never shrinks. That alone makes the splitter independent
of chunks. Every look is bounded, so that nobody can make it wait for ever with a million full stops or spaces.
"""

import re
from enum import Enum, auto

from rxstream.sansio.languages.rules import Rules, Stop

__all__ = ("TERMINATORS", "Verdict", "judge")


class Verdict(Enum):
    """What is known about a place where a sentence may end."""

    #: It ends, at the position.
    ENDS = auto()
    #: It does not; the position is where to look on.
    GOES_ON = auto()
    #: The next characters decide; if it ends here, then at the position or behind it.
    WAIT = auto()


_IDEOGRAPHIC = "。！？｡．"
_STRONG = "!?‼⁇⁈⁉؟۔।॥"
TERMINATORS = ".…" + _STRONG + _IDEOGRAPHIC

# A run of terminators; full stops may be spaced out (". . ."), but ".NET" and ".5" are words.
_RUN = re.compile(rf"(?:[.…]+(?:(?<=\.)[ \u00a0]\.(?!\w)[.…]*)*)?[{TERMINATORS}]*")
_RUN_MOST = 64

# What belongs to the sentence that ended: closing quotes and brackets, emphasis, emoji, footnote marks.
_CLOSER = (
    r"[\"'“”„‘’«»‹›)\]}*_~」』）】》〉\u2600-\u27bf\ufe0f\u200d\U0001f000-\U0001faff¹²³⁰-⁹]"
    r"|\[\^?[\w,. –-]{1,12}\]|【[^】\n]{1,40}】"
)
_CLOSERS = re.compile(rf"(?:{_CLOSER})*")
_CLOSERS_SPACED = re.compile(rf"(?:{_CLOSER}|[ \u00a0\u202f]»)*")
_CLOSERS_MOST = 64
_NOTE_BEGUN = re.compile(r"\[\^?[\w,. –-]{0,12}|【[^】\n]{0,40}")

_GAP = re.compile(r"\s*")
_GAP_MOST = 64
_NEWLINE = re.compile(r"[^\S\n]*\n")
_BLANK_LINE = re.compile(r"[^\S\n]*\n[^\S\n]*\n")
_OPENERS = re.compile(r"[\"'“”„‘’«»‹›(\[{*_¿¡~—–-]*")
_OPENERS_MOST = 16
_NEXT_WORD = re.compile(r"\w*['’]?")
_NEXT_WORD_MOST = 24
# How much of the sentence before the terminator is looked at: for its last words, for open brackets.
_WORDS_BEFORE = 40
_BEFORE = 256


def judge(rules: Rules, text: str, start: int, at: int, *, final: bool) -> tuple[Verdict, int]:
    """Judge the terminator at ``text[at]`` of the sentence that begins at ``text[start]``."""
    end = _past(_RUN, text, at, _RUN_MOST)
    if end == at + _RUN_MOST:
        return Verdict.GOES_ON, end
    if end == len(text):
        return Verdict.WAIT, end
    closers = _CLOSERS_SPACED if rules.spaced_guillemets else _CLOSERS
    closed = _past(closers, text, end, _CLOSERS_MOST)
    if closed == end + _CLOSERS_MOST:
        return Verdict.GOES_ON, closed
    if closed == len(text) or (text[closed] in "[【" and _NOTE_BEGUN.fullmatch(text, closed)):
        return Verdict.WAIT, closed
    if text[closed].isspace():
        return _before_space(rules, text, start, (at, end, closed), final=final), closed
    return _before_letter(rules, text, start, (at, end, closed)), closed


def _before_letter(rules: Rules, text: str, start: int, marks: tuple[int, int, int]) -> Verdict:
    """Judge a terminator with no space behind it: an end in Chinese and Japanese only."""
    at, end, closed = marks
    behind = text[closed]
    last = text[end - 1]
    if last not in _IDEOGRAPHIC and not (last in _STRONG and "\u3040" <= behind <= "\u9fff"):
        return Verdict.GOES_ON
    goes_on = (
        behind in "、，,；;：:"
        or (last == "．" and behind.isalnum() and behind < "\u3040")
        or (last == "．" and "０" <= behind <= "ｚ")
    )
    if closed > end:
        closing = text[end:closed]
        # A title, or an aside that is not a whole sentence.
        aside = "》" in closing or "〉" in closing or ("）" in closing and last not in "。｡")
        goes_on = goes_on or aside or behind in rules.quoting
    else:
        goes_on = goes_on or _in_title(text, start, at)
    return Verdict.GOES_ON if goes_on else Verdict.ENDS


def _before_space(
    rules: Rules, text: str, start: int, marks: tuple[int, int, int], *, final: bool
) -> Verdict:
    """Judge a terminator with white space behind it and its closing quotes."""
    at, end, closed = marks
    if _BLANK_LINE.match(text, closed, closed + _GAP_MOST):
        return Verdict.ENDS
    run = text[at:end]
    dots = run.count(".") + 3 * run.count("…")
    if run.strip(".… \u00a0"):
        return _strong(rules, text, start, marks)
    if end + 1 == len(text) and text[end] in " \u00a0" and not final:
        return Verdict.WAIT  # a spaced full stop may come, and be part of the run
    if 2 <= dots <= 3:
        if text[max(start, at - 1) : at] == "[" and text[end] == "]":
            return Verdict.GOES_ON  # something was left out here
        return _ellipsis(rules, text, closed)
    stop = Stop.PLAIN if dots > 3 else rules.stop(text[max(start, at - _WORDS_BEFORE) : at])
    match stop:
        case Stop.NEVER:
            return Verdict.GOES_ON
        case Stop.MAYBE:
            if at - start < _WORDS_BEFORE:
                so_far = text[start:at].split()
                if len(so_far) <= 3 and so_far[0].lower() in rules.lead_ins:
                    return Verdict.GOES_ON
            return _if_starter(rules, text, closed, final=final)
        case _:
            return _full_stop(rules, text, closed, stop)


def _past(pattern: re.Pattern[str], text: str, at: int, most: int) -> int:
    """Find where what stands at ``at``, at most ``most`` characters of it, is over."""
    match = pattern.match(text, at, at + most)
    assert match is not None, "these patterns match nothing at all, too"
    return match.end()


def _in_title(text: str, start: int, at: int) -> bool:
    low = max(start, at - _BEFORE)
    return any(text.rfind(a, low, at) > text.rfind(b, low, at) for a, b in ("《》", "〈〉", "（）"))


def _in_brackets(text: str, start: int, at: int) -> bool:
    before = text[max(start, at - _BEFORE) : at]
    return (
        before.count("(") > before.count(")")
        or before.count("“") > before.count("”")
        or before.count('"') % 2 > 0
    )


def _next(text: str, closed: int) -> tuple[Verdict | None, int]:
    """Find the next word's first letter, or tell why there is none."""
    gap = _past(_GAP, text, closed, _GAP_MOST)
    if gap == closed + _GAP_MOST:
        return Verdict.ENDS, gap  # whatever comes, it is not the same sentence
    if gap == len(text):
        return Verdict.WAIT, gap
    if text[gap] in ",;:)]}%，；：":
        return Verdict.GOES_ON, gap
    letter = _past(_OPENERS, text, gap, _OPENERS_MOST)
    return (Verdict.WAIT, letter) if letter == len(text) else (None, letter)


def _strong(rules: Rules, text: str, start: int, marks: tuple[int, int, int]) -> Verdict:
    at, end, closed = marks
    if closed == end:
        if _in_title(text, start, at):
            return Verdict.GOES_ON
        word = text[max(start, at - _WORDS_BEFORE) : at].rpartition(" ")[2]
        if not (rules.small_goes_on or word in rules.shouted or _in_brackets(text, start, at)):
            return Verdict.ENDS
    verdict, letter = _next(text, closed)
    if verdict is not None:
        return verdict
    return Verdict.GOES_ON if text[letter].islower() else Verdict.ENDS


def _ellipsis(rules: Rules, text: str, closed: int) -> Verdict:
    verdict, letter = _next(text, closed)
    if verdict is not None:
        return verdict
    first = text[letter]
    if first.islower() or first.isdigit():
        return Verdict.GOES_ON
    if first == rules.pronoun:  # a capital that says nothing
        if letter + 1 == len(text):
            return Verdict.WAIT
        if not text[letter + 1].isalnum():
            return Verdict.GOES_ON
    return Verdict.ENDS


def _if_starter(rules: Rules, text: str, closed: int, *, final: bool) -> Verdict:
    verdict, letter = _next(text, closed)
    if verdict is not None:
        return Verdict.GOES_ON if verdict is Verdict.ENDS else verdict
    if not text[letter].isupper():
        return Verdict.GOES_ON
    end = _past(_NEXT_WORD, text, letter, _NEXT_WORD_MOST)
    word = text[letter:end]
    if end == len(text) and word[-1] not in "'’" and not final:
        return Verdict.WAIT
    return Verdict.ENDS if rules.starts(word) else Verdict.GOES_ON


def _full_stop(rules: Rules, text: str, closed: int, stop: Stop) -> Verdict:
    if stop is Stop.PLAIN and _NEWLINE.match(text, closed, closed + _GAP_MOST):
        return Verdict.ENDS
    verdict, letter = _next(text, closed)
    if verdict is not None:
        return verdict
    first = text[letter]
    if first.isdigit() and stop is Stop.NUMBER:
        return Verdict.GOES_ON
    if not first.islower():
        return Verdict.ENDS
    # "iPhone" begins a sentence, and so does "'s Avonds" in Dutch.
    elided = rules.elided_start and first in "nst" and text[letter - 1] in "'’‘"
    behind = text[letter + 1 : letter + 3]
    if not behind or (elided and behind.isspace() and len(behind) == 1):
        return Verdict.WAIT
    if behind[0].isupper() or (elided and behind[0].isspace() and behind[1].isupper()):
        return Verdict.ENDS
    return Verdict.GOES_ON
