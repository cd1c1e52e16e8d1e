"""What a language knows about its own full stops."""

import re
from dataclasses import dataclass
from enum import Enum, auto

__all__ = ("Rules", "Stop", "words")


class Stop(Enum):
    """What a single full stop may be, judged by the word that it stands behind."""

    #: An ordinary word: only a small letter behind it says that the sentence goes on.
    PLAIN = auto()
    #: "Dr.", "e.g.": never the end of a sentence.
    NEVER = auto()
    #: "U.S.", "Inc.", an initial: the end if the next word is one that begins sentences.
    MAYBE = auto()
    #: "No.", "p.": not the end in front of a digit.
    NUMBER = auto()


# The word itself, without the quotes, brackets, slashes and elisions ("l'U.E") before it.
_WORD = re.compile(r"[\w°.&-]+\Z")
# "z." before "B." and "J." before "R.": the abbreviation was written with a space in it.
_LETTER_BEFORE = re.compile(r"(?:\A|[^\w.])([^\W\d_]\.)\Z")
_LETTERS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_ORDINAL = re.compile(r"\d{1,2}|[IVX]{1,6}")


@dataclass(frozen=True, slots=True)
class Rules:
    """One language's rules; words are written without their full stop.

    An abbreviation with a capital letter is known in that form only ("Sat" is a day, "sat" a word);
    one in small letters is known in every form.
    """

    #: No sentence ends with these.
    never: frozenset[str]
    #: A sentence may end with these, and does before a word of ``starters``. Letters alone
    #: ("U.S", "J", "a.m") need not be listed.
    maybe: frozenset[str]
    #: These stand before a number; a sentence may end with them otherwise.
    before_number: frozenset[str]
    #: Words that, with a capital letter, begin a sentence and hardly ever a name.
    starters: frozenset[str]
    #: Words with a number behind them: in "1. See page 2. The end" the second item does not begin at "2.".
    counted: frozenset[str] = frozenset()
    #: "At 5 a.m. Mr. Smith ...": a sentence of up to three words that begins with these is not whole yet.
    lead_ins: frozenset[str] = frozenset()
    #: Names that end in an exclamation mark.
    shouted: frozenset[str] = frozenset()
    #: A word of one capital letter, which is no initial unless a name stands before it.
    pronoun: str = ""
    #: "am 3. Oktober": a short number with a full stop is an ordinal.
    ordinals: bool = False
    #: "- Quoi ? demanda-t-il": a small letter after ! and ? goes on with the sentence.
    small_goes_on: bool = False
    #: A closing guillemet has a space before it.
    spaced_guillemets: bool = False
    #: "'s Avonds": an apostrophe and one small letter before the capital.
    elided_start: bool = False
    #: What, right behind a closing bracket, goes on with the sentence around it.
    quoting: str = ""

    def stop(self, left: str) -> Stop:
        """Tell what a full stop behind ``left``, the sentence's last few words, may be."""
        parts = left.rsplit(None, 4)
        found = _WORD.search(parts[-1]) if parts and not left[-1].isspace() else None
        if found is None:
            return Stop.PLAIN
        word = found[0]
        spaced = word
        if len(word) == len(parts[-1]):
            for part in reversed(parts[:-1]):
                letter = _LETTER_BEFORE.search(part)
                if letter is None:
                    break
                spaced = letter[1] + spaced
        forms = {word, word.lower(), spaced, spaced.lower()}
        if not forms.isdisjoint(self.never):
            return Stop.NEVER
        if not forms.isdisjoint(self.before_number):
            return Stop.NUMBER
        if not forms.isdisjoint(self.maybe):
            return Stop.MAYBE
        if spaced == self.pronoun and not (len(parts) > 1 and parts[-2][0].isupper()):
            return Stop.PLAIN
        if _LETTERS.fullmatch(word) or (self.ordinals and _ORDINAL.fullmatch(word)):
            return Stop.MAYBE
        return Stop.PLAIN

    def starts(self, word: str) -> bool:
        """Tell whether ``word`` is one that begins sentences. "The" does, "the" and "IT" do not.

        An apostrophe at the word's end says that it is a part of one: "It" of "It's", "L" of "L'ami".
        """
        plain = word.rstrip("'’")
        small = plain.lower()
        return (
            word[0].isupper()
            and (len(plain) == 1 or plain[1:].islower())
            and (small in self.starters or (plain != word and small + "'" in self.starters))
        )


def words(*lists: str) -> frozenset[str]:
    """Make one set of the words of several lists."""
    return frozenset(word for one in lists for word in one.split())
