"""What a scripted model says to one request, token by token, before it is put on any wire."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

__all__ = ("Reply", "ReplyCall", "text_of", "tokens_of", "write_reply")

#: About what a model's tokens are: a word with the white space before it, long words in pieces.
_TOKEN = re.compile(r"\s?\S{1,6}|\s")


def tokens_of(text: str) -> list[str]:
    """Cut a text into tokens; joined they are the text again."""
    return _TOKEN.findall(text)


def text_of(content: Any) -> str:
    """Give the text of a message's content, which may be in parts."""
    if isinstance(content, str):
        return content
    parts: Sequence[Any] = content or ()
    return "".join([str(part.get("text") or "") for part in parts])


@dataclass(slots=True)
class ReplyCall:
    """A tool call as far as it was written."""

    id: str
    name: str
    arguments: list[str]


@dataclass(slots=True)
class Reply:
    """What is said."""

    #: Repeated from the request, and not counted.
    echo: list[str]
    reasoning: list[str] = field(default_factory=list[str])
    content: list[str] = field(default_factory=list[str])
    calls: list[ReplyCall] = field(default_factory=list[ReplyCall])
    #: As chat has it: "stop", "length" or "tool_calls".
    finish_reason: str = "stop"
    prompt_tokens: int = 0

    @property
    def reasoning_tokens(self) -> int:
        """The tokens that were thought."""
        return len(self.reasoning)

    @property
    def completion_tokens(self) -> int:
        """The tokens that were made, thought or said."""
        written = sum(len(call.arguments) for call in self.calls)
        return len(self.reasoning) + len(self.content) + written

    @property
    def text(self) -> str:
        """All that is said."""
        return "".join([*self.echo, *self.content])


def write_reply(
    answer: str,
    start: int,
    *,
    echo: str = "",
    reasoning: str = "",
    calls: Sequence[ReplyCall] = (),
    limit: int | None = None,
    stops: Sequence[str] = (),
    prompt: str = "",
) -> Reply:
    """Say ``answer`` from its character ``start`` on, in no more than ``limit`` tokens, up to a stop.

    The tokens are those of the whole answer, wherever it starts: only the first may be half a one.
    """
    reply = Reply(tokens_of(echo), prompt_tokens=len(tokens_of(prompt)))
    left = _Left(limit)
    reply.reasoning = left.take(tokens_of(reasoning))
    stop = min([at for at in (answer.find(one, start) for one in stops) if at >= 0], default=len(answer))
    reply.content = left.take(_tokens_between(answer, start, stop))
    if stop == len(answer):
        for call in calls:
            if not left.is_empty:
                reply.calls.append(ReplyCall(call.id, call.name, left.take(call.arguments)))
        reply.finish_reason = "tool_calls" if calls else "stop"
    if left.was_short:
        reply.finish_reason = "length"
    return reply


def _tokens_between(text: str, start: int, stop: int) -> list[str]:
    ends = list(accumulate(map(len, tokens_of(text))))
    cuts = [start, *(end for end in ends if start < end < stop), stop]
    return [text[one:other] for one, other in pairwise(cuts) if one < other]


class _Left:
    """The tokens that may still be written."""

    def __init__(self, limit: int | None) -> None:
        self._left = limit
        #: Whether there were more tokens than might be written.
        self.was_short = False

    @property
    def is_empty(self) -> bool:
        return self.was_short

    def take(self, tokens: list[str]) -> list[str]:
        """Give as many of them as may be written."""
        if self._left is None:
            return tokens
        taken = tokens[: self._left]
        self._left -= len(taken)
        self.was_short = self.was_short or len(taken) < len(tokens)
        return taken
