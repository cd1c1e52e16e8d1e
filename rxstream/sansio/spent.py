"""What all attempts at one answer have cost together."""

from rxstream.items import Usage
from rxstream.sansio.answer import add_usage

__all__ = ("Spent",)


class Spent:
    """Add up the usage of attempts; of one that was cut off, what can be guessed of it.

    A provider tells the usage at the end, so an attempt without an end tells none. Its completion then counts
    as many tokens as pieces with content came, and its prompt is taken to be that of the attempt that does
    tell, less what that one was given of the answer to go on with.
    """

    __slots__ = ("_counted", "_lost")

    def __init__(self) -> None:
        self._counted: Usage | None = None
        #: Of each attempt that told nothing: the pieces that came, and the tokens that it was given.
        self._lost: list[tuple[int, int]] = []

    def add(self, usage: Usage | None, pieces: int, given: int) -> None:
        """Take note of an attempt that has failed."""
        if usage is not None:
            self._counted = usage if self._counted is None else add_usage(self._counted, usage)
        else:
            self._lost.append((pieces, given))

    def total(self, usage: Usage, given: int) -> Usage:
        """Return the usage of all attempts; the last of them has told its own, and was given so much."""
        total = usage if self._counted is None else add_usage(self._counted, usage)
        asked = max(0, usage.prompt_tokens - given)
        for pieces, lost_given in self._lost:
            prompt = asked + lost_given
            total = add_usage(total, Usage(prompt, pieces, prompt + pieces, estimated=True))
        return total

    def so_far(self) -> Usage | None:
        """Return what is known when no attempt has succeeded: of prompts, nothing is."""
        total = self._counted
        for pieces, _ in self._lost:
            guess = Usage(0, pieces, pieces, estimated=True)
            total = guess if total is None else add_usage(total, guess)
        return total
