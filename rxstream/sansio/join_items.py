"""Items run together into one, without losing anything of what they say."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from rxstream.items import StreamChunk, ToolCallDelta
from rxstream.sansio.content import has_content

__all__ = ("Joined",)

T = TypeVar("T")

_KINDS: Final = frozenset((str, bytes, StreamChunk))


class Joined:
    """One item in pieces: they are put together once, when it is taken.

    Text runs together with text, bytes with bytes, and chunks with chunks of the same choice. A joined chunk
    has all the ``content``, ``reasoning``, ``refusal`` and ``logprobs``; the tool-call deltas, those of one
    call in a row as one; the ``index`` of its first piece; of all else what came last. ``raw`` it has not:
    no event of the provider's says what it says.

    Within a chunk readers take the reasoning before the content, and that before the tool calls. So a piece
    that would come to stand before what it came behind is not joined, nor is anything behind a finish reason
    but what still accompanies it, nor a second usage. A chunk with a usage and nothing else stays alone,
    because alone it means something else: of several choices such counts are added up.
    """

    __slots__ = ("_counted", "_finished", "_pieces", "_rank")

    def __init__(self, first: object) -> None:
        self._pieces: list[Any] = [first]
        self._rank = 0
        #: Whether one of the chunks has a finish reason, and a usage.
        self._finished = False
        self._counted = False
        if isinstance(first, StreamChunk):
            self._note(first)

    def add(self, item: object) -> bool:
        """Take one more piece; False: it cannot be joined, and was not taken."""
        first = self._pieces[0]
        kind = first.__class__
        if item.__class__ is not kind or kind not in _KINDS:
            return False
        if isinstance(item, StreamChunk):
            if item.choice != first.choice or not self._goes_on(item):
                return False
            self._note(item)
        self._pieces.append(item)
        return True

    def value(self) -> Any:
        """Put the pieces together."""
        pieces = self._pieces
        first = pieces[0]
        if len(pieces) == 1:
            return first
        if isinstance(first, StreamChunk):
            return _one_chunk(pieces)
        return first.__class__().join(pieces)

    def _goes_on(self, chunk: StreamChunk) -> bool:
        if self._finished and (
            has_content(chunk) or chunk.finish_reason is not None or chunk.role is not None
        ):
            return False
        if chunk.usage is not None and (self._counted or _only_counts(chunk)):
            return False
        if len(self._pieces) == 1 and _only_counts(self._pieces[0]):
            return False
        return _first_rank(chunk) >= self._rank

    def _note(self, chunk: StreamChunk) -> None:
        if chunk.finish_reason is not None:
            self._finished = True
        if chunk.usage is not None:
            self._counted = True
        self._rank = max(self._rank, _last_rank(chunk))


def _first_rank(chunk: StreamChunk) -> int:
    """Say what of a chunk is taken first: 1 the reasoning, 2 the text, 3 the tool calls, 4 nothing."""
    if chunk.reasoning:
        return 1
    if chunk.content or chunk.refusal:
        return 2
    return 3 if chunk.tool_calls else 4


def _last_rank(chunk: StreamChunk) -> int:
    """Say what of a chunk is taken last; 0 is nothing."""
    if chunk.tool_calls:
        return 3
    if chunk.content or chunk.refusal:
        return 2
    return 1 if chunk.reasoning else 0


def _only_counts(chunk: StreamChunk) -> bool:
    return chunk.usage is not None and not (
        has_content(chunk) or chunk.finish_reason is not None or chunk.role is not None or chunk.logprobs
    )


def _one_chunk(chunks: Sequence[StreamChunk]) -> StreamChunk:
    return StreamChunk(
        "".join([chunk.content for chunk in chunks]),
        _latest(chunk.finish_reason for chunk in chunks),
        chunks[0].index,
        _latest(chunk.model for chunk in chunks),
        chunks[0].choice,
        "".join([chunk.reasoning for chunk in chunks]),
        _deltas(chunks),
        _latest(chunk.usage for chunk in chunks),
        role=_latest(chunk.role for chunk in chunks),
        id=_latest(chunk.id for chunk in chunks),
        refusal="".join([chunk.refusal for chunk in chunks]),
        logprobs=_logprobs(chunks),
    )


def _latest(values: Iterable[T | None]) -> T | None:
    found: T | None = None
    for value in values:
        if value is not None:
            found = value
    return found


def _deltas(chunks: Sequence[StreamChunk]) -> tuple[ToolCallDelta, ...]:
    """Put the deltas in a row; the arguments of one call run together."""
    runs: list[list[ToolCallDelta]] = []
    for chunk in chunks:
        for delta in chunk.tool_calls:
            if runs and _same_call(runs[-1], delta):
                runs[-1].append(delta)
            else:
                runs.append([delta])
    return tuple([_one_delta(run) for run in runs])


def _same_call(run: Sequence[ToolCallDelta], delta: ToolCallDelta) -> bool:
    # Where a piece belongs may hang on whether it brings arguments at all (see calls.py), so those of a
    # piece without any are not lent to it.
    first = run[0]
    return (
        delta.index == first.index
        and not delta.id
        and not delta.name
        and bool(first.arguments.strip(" \t\r\n"))
    )


def _one_delta(run: Sequence[ToolCallDelta]) -> ToolCallDelta:
    first = run[0]
    if len(run) == 1:
        return first
    return ToolCallDelta(first.index, first.id, first.name, "".join([delta.arguments for delta in run]))


def _logprobs(chunks: Sequence[StreamChunk]) -> Mapping[str, Any] | None:
    """Put the lists of tokens in a row, under each name."""
    found = [chunk.logprobs for chunk in chunks if chunk.logprobs]
    if len(found) < 2:
        return found[0] if found else None
    joined: dict[str, Any] = {}
    for logprobs in found:
        for name, tokens in logprobs.items():
            had: Any = joined.get(name)
            if had is None:
                joined[name] = [*tokens] if isinstance(tokens, list) else tokens
            elif isinstance(had, list) and isinstance(tokens, list):
                had.extend(tokens)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return joined
