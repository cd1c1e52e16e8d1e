"""Chinese and Japanese; the words in Latin letters that occur there are English."""

from dataclasses import replace

from rxstream.sansio.languages.en import ENGLISH

__all__ = ("CHINESE", "JAPANESE")

CHINESE = ENGLISH

# A quotation followed by a particle is part of the sentence around it.
JAPANESE = replace(ENGLISH, quoting="とっなのはをがにでもへやか")
