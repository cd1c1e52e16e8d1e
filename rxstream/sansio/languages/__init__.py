"""Rule sets of the sentence splitter, by language."""
from rxstream.errors import UnknownName
from rxstream.sansio.languages.en import ENGLISH
from rxstream.sansio.languages.rules import Rules
__all__ = ("LANGUAGES", "rules_for")
LANGUAGES = {"en": ENGLISH}
def rules_for(language: str) -> Rules:
    return LANGUAGES[language]
