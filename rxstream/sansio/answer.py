"""Chunks in, the whole answer out; in between only its text is kept."""

from rxstream.items import StreamChunk, StreamResult, ToolCall, Usage
from rxstream.sansio.calls import Calls

__all__ = ("Answer", "Choice", "add_usage", "is_of_a_choice")


class Answer:
    """Put the chunks of an answer together, of each of its choices apart.

    Tool calls are told apart as ``calls`` says.

    ``usage`` is the last that came. But with several choices (``n=2``) a server may send a count for each of
    them, in chunks that hold nothing else: those are added up.
    """

    __slots__ = ("_alone", "_last", "_model", "_riding", "choices")

    def __init__(self) -> None:
        #: What has come of each choice, by its number.
        self.choices: dict[int, Choice] = {}
        self._model: str | None = None
        self._last: Usage | None = None
        #: The sum of the counts that came alone, and the last that came with a piece of a choice.
        self._alone: Usage | None = None
        self._riding: Usage | None = None

    def add(self, chunk: StreamChunk) -> None:
        """Take the next chunk of the stream."""
        choice = self.choices.get(chunk.choice)
        if choice is None:
            if not is_of_a_choice(chunk):
                self._add_bare(chunk)
                return
            choice = self.choices[chunk.choice] = Choice()
        if chunk.content:
            choice.content.append(chunk.content)
        if chunk.reasoning:
            choice.reasoning.append(chunk.reasoning)
        if chunk.refusal:
            choice.refusal.append(chunk.refusal)
        if chunk.model is not None:
            choice.model = chunk.model
        if chunk.finish_reason is not None:
            choice.finish_reason = chunk.finish_reason
        for delta in chunk.tool_calls:
            choice.calls.add(delta)
        if chunk.usage is not None:
            self._count(chunk, chunk.usage)

    def result(self, choice: int = 0, chunks: list[StreamChunk] | None = None) -> StreamResult:
        """Give the answer so far; ``chunks`` are the caller's, since none are kept here."""
        usage = self.usage
        mine = self.choices.get(choice) or Choice()
        return StreamResult(
            content="".join(mine.content),
            chunks=[] if chunks is None else chunks,
            finish_reason=mine.finish_reason,
            total_tokens=0 if usage is None else usage.total_tokens,
            usage=usage,
            tool_calls=[
                ToolCall(call.id, call.name, "".join(call.arguments), call.index) for call in mine.calls.all
            ],
            reasoning="".join(mine.reasoning),
            model=mine.model or self._model,
        )

    @property
    def usage(self) -> Usage | None:
        """What was counted, over all choices."""
        if len(self.choices) > 1:
            return self._alone or self._riding
        return self._last

    @property
    def finish_reasons(self) -> dict[int, str | None]:
        """Why each choice ended, by its number; ``None`` for one that has not."""
        return {number: choice.finish_reason for number, choice in sorted(self.choices.items())}

    def _add_bare(self, chunk: StreamChunk) -> None:
        self._model = chunk.model or self._model
        if chunk.usage is not None:
            self._count(chunk, chunk.usage)

    def _count(self, chunk: StreamChunk, usage: Usage) -> None:
        self._last = usage
        if is_of_a_choice(chunk):
            self._riding = usage
        else:
            self._alone = usage if self._alone is None else add_usage(self._alone, usage)


class Choice:
    """One of the answers, in pieces."""

    __slots__ = ("calls", "content", "finish_reason", "model", "reasoning", "refusal")

    def __init__(self) -> None:
        self.content: list[str] = []
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.calls = Calls()
        self.finish_reason: str | None = None
        self.model: str | None = None


def is_of_a_choice(chunk: StreamChunk) -> bool:
    """Tell a piece of a choice from a chunk that carries at most a count for the whole."""
    return bool(
        chunk.content
        or chunk.finish_reason is not None
        or chunk.role is not None
        or chunk.tool_calls
        or chunk.reasoning
        or chunk.refusal
        or chunk.logprobs
    )


def add_usage(one: Usage, other: Usage) -> Usage:
    """Add up what was paid for twice."""
    return Usage(
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        total_tokens=one.total_tokens + other.total_tokens,
        cached_tokens=one.cached_tokens + other.cached_tokens,
        reasoning_tokens=one.reasoning_tokens + other.reasoning_tokens,
        estimated=one.estimated or other.estimated,
    )
