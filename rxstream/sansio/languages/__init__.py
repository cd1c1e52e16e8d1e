"""The sentence splitter's knowledge of languages: word lists, and how a terminator is judged by them."""

from rxstream.errors import UnknownName
from rxstream.sansio.languages.cjk import CHINESE, JAPANESE
from rxstream.sansio.languages.de import GERMAN
from rxstream.sansio.languages.en import ENGLISH
from rxstream.sansio.languages.es import SPANISH
from rxstream.sansio.languages.fr import FRENCH
from rxstream.sansio.languages.it import ITALIAN
from rxstream.sansio.languages.nl import DUTCH
from rxstream.sansio.languages.pt import PORTUGUESE
from rxstream.sansio.languages.rules import Rules

__all__ = ("LANGUAGES", "rules_for")

LANGUAGES = {
    "de": GERMAN,
    "en": ENGLISH,
    "es": SPANISH,
    "fr": FRENCH,
    "it": ITALIAN,
    "ja": JAPANESE,
    "nl": DUTCH,
    "pt": PORTUGUESE,
    "zh": CHINESE,
}


def rules_for(language: str) -> Rules:
    """Look up the rules of a language; "en-GB" and "pt_BR" are as good as "en" and "pt"."""
    known = isinstance(language, str)
    rules = LANGUAGES.get(language.replace("_", "-").partition("-")[0].lower()) if known else None
    if rules is None:
        raise UnknownName(
            f"expected one of the languages {', '.join(LANGUAGES)} (a region may follow, as in 'en-GB'); "
            f"got {language!r}"
        )
    return rules
