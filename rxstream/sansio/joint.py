"""What a retry lets through of another attempt's answer: what has not been delivered yet.

Two machines on items. ``Continued`` is for the rest of an answer, which a model was told to go on with;
``Aligned`` is for the whole answer once more.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol, TypeAlias

from rxstream.errors import AnswerChanged
from rxstream.items import StreamChunk, ToolCall, ToolCallDelta
from rxstream.sansio.calls import Calls
from rxstream.sansio.content import has_content
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.json_grammar import Broken, Grammar
from rxstream.sansio.seam import Seam
from rxstream.sansio.texts import carries_more

__all__ = ("Aligned", "Continued", "Joint", "PassedOn")

_NOTHING: Final[tuple[Any, ...]] = ()
_NO_BOUND: Final = 1 << 60

#: A channel of an answer: what kind of text, and of which choice.
Channel: TypeAlias = tuple[str, int]


class Joint(Protocol):
    """A machine on the items of another attempt."""

    def feed(self, item: Any, /) -> Iterable[Any]:
        """Take the attempt's next item; give what of it is new."""
        ...

    def close(self) -> Iterable[Any]:
        """Learn that the attempt's answer is whole; raise ``AnswerChanged`` if it is not long enough."""
        ...


class PassedOn:
    """For an attempt of which everything is new."""

    __slots__ = ()

    def feed(self, item: Any) -> Iterable[Any]:
        """Pass the item on."""
        return (item,)

    def close(self) -> Iterable[Any]:
        """Give nothing."""
        return _NOTHING


class Continued:
    """The rest of an answer of one choice, whose text ``seam`` joins to what was delivered.

    Thoughts that come with the rest are dropped: those of the answer came before its text. With ``json`` the
    text of both together is held against JSON's grammar: a model that begins another document, or goes on
    in prose, raises ``AnswerChanged``, and nothing of that is given.
    """

    __slots__ = ("_grammar", "_last", "_seam")

    def __init__(self, seam: Seam, *, json: str | None = None) -> None:
        self._seam = seam
        self._last: StreamChunk | None = None
        self._grammar: Grammar | None = None
        if json is not None:
            self._grammar = grammar = Grammar(max_depth=_NO_BOUND)
            try:
                grammar.take(json)
            except Broken:
                self._grammar = None  # it was none before, so the model is not to blame

    def feed(self, item: Any) -> Iterable[Any]:
        """Take the next chunk of the rest."""
        if item.__class__ is not StreamChunk:
            return (item,)
        self._last = item
        pieces = [*self._seam.feed(item.content)] if item.content else []
        if item.finish_reason is not None:
            pieces += self._seam.close()
        return self._checked(item, "".join(pieces))

    def close(self) -> Iterable[Any]:
        """Give what the seam held back."""
        text = "".join(self._seam.close())
        if text and self._last is not None:
            last = self._last
            return self._checked(StreamChunk("", None, last.index, last.model, id=last.id), text)
        return _NOTHING

    def _checked(self, chunk: StreamChunk, text: str) -> Iterable[Any]:
        if text and self._grammar is not None:
            self._check(self._grammar, text)
        return _reduced(chunk, text, "", chunk.refusal, chunk.tool_calls)

    @staticmethod
    def _check(grammar: Grammar, text: str) -> None:
        text = grammar.resumed(text)
        try:
            end = grammar.take(text)
            if not text[end:].strip():
                return
            expected = "the end"
            rest = text[end:]
        except Broken as fault:
            expected = fault.expected
            rest = text[max(fault.index, 0) :]
        raise AnswerChanged(
            f"asked to go on with a JSON document, the model wrote something that does not continue it: "
            f"expected {expected}, got {rest[:40]!r}",
            came=rest,
        )


class Aligned:
    """The same answer once more: as much of it as was delivered is dropped, and must be the same.

    Each channel by itself: the content, the reasoning and the refusal of each choice, the arguments of each
    tool call. Ids of tool calls are made up anew for every answer: the delivered ones stay. Items that are
    neither chunks nor text are dropped by their number, and must be equal.

    With ``strict`` thoughts must be the same, too. Without, where they differ the rest of them is dropped
    and the answer still comes.
    """

    __slots__ = ("_calls", "_objects", "_places", "_strict", "_thought_otherwise", "_told")

    def __init__(self, delivered: Delivered, *, strict: bool = False) -> None:
        self._strict = strict
        # As of now: what this machine lets through is added to ``delivered``, too.
        self._told: dict[Channel, str] = {}
        self._calls: dict[int, _CallsAgain] = {}
        for number, choice in delivered.answer.choices.items():
            self._told["content", number] = "".join(choice.content)
            self._told["reasoning", number] = "".join(choice.reasoning)
            self._told["refusal", number] = "".join(choice.refusal)
            self._calls[number] = _CallsAgain(delivered.answer.result(number).tool_calls)
        if delivered.texts:
            self._told["content", 0] = "".join(delivered.texts)
        #: How far each channel has come again.
        self._places: dict[Channel, int] = {}
        self._objects: list[Any] = delivered.objects[::-1]
        self._thought_otherwise: set[int] = set()

    def feed(self, item: Any) -> Iterable[Any]:
        """Take the answer's next item; give what of it is new."""
        if item.__class__ is StreamChunk:
            return self._chunk(item)
        if isinstance(item, str):
            rest = self._rest("content", 0, item)
            return (rest,) if rest else _NOTHING
        if self._objects and has_content(item):
            expected = self._objects.pop()
            if item != expected:
                raise _changed("an item", repr(expected), repr(item))
            return _NOTHING
        return (item,)

    def close(self) -> Iterable[Any]:
        """Check that everything came again."""
        for number in self._calls or (0,):
            self._check_end(number)
        if self._objects:
            raise _changed("an item", repr(self._objects[-1]), "")
        return _NOTHING

    def _chunk(self, chunk: StreamChunk) -> Iterable[Any]:
        number = chunk.choice
        content = self._rest("content", number, chunk.content)
        refusal = self._rest("refusal", number, chunk.refusal)
        reasoning = self._reasoning(number, chunk.reasoning)
        deltas = chunk.tool_calls and self._deltas(number, chunk.tool_calls)
        if chunk.finish_reason is not None:
            self._check_end(number)
        return _reduced(chunk, content, reasoning, refusal, deltas)

    def _rest(self, kind: str, number: int, text: str) -> str:
        """Return what of a text is new in its channel."""
        channel = kind, number
        told = self._told.get(channel, "")
        place = self._places.get(channel, 0)
        if not text or place == len(told):
            return text
        again = text[: len(told) - place]
        if not told.startswith(again, place):
            raise _changed(f"the {kind}", told[place:], text)
        self._places[channel] = place + len(again)
        return text[len(again) :]

    def _reasoning(self, number: int, text: str) -> str:
        if number in self._thought_otherwise:
            return ""
        try:
            return self._rest("reasoning", number, text)
        except AnswerChanged:
            if self._strict:
                raise
            self._thought_otherwise.add(number)
            return ""

    def _deltas(self, number: int, deltas: Sequence[ToolCallDelta]) -> tuple[ToolCallDelta, ...]:
        calls = self._calls.get(number)
        if calls is None:
            return tuple(deltas)
        return tuple([rest for delta in deltas if (rest := calls.rest(delta)) is not None])

    def _check_end(self, number: int) -> None:
        for kind in ("content", "refusal", *(("reasoning",) if self._strict else ())):
            told = self._told.get((kind, number), "")
            place = self._places.get((kind, number), 0)
            if place < len(told):
                raise _changed(f"the {kind}", told[place:], "")
        if number in self._calls:
            self._calls[number].check_end()


class _CallsAgain:
    """The tool calls of a choice, once more."""

    __slots__ = ("_again", "_places", "_was")

    def __init__(self, was: Sequence[ToolCall]) -> None:
        self._was = was
        self._places = [0] * len(was)
        self._again = Calls()

    def rest(self, delta: ToolCallDelta) -> ToolCallDelta | None:
        """Return what of a piece is new, if anything is."""
        call = self._again.add(delta)
        at = call.index
        if at >= len(self._was):
            return delta
        was = self._was[at]
        if delta.name and was.name and delta.name != was.name:
            raise _changed("a tool call", was.name, delta.name)
        told, place = was.arguments, self._places[at]
        again = delta.arguments[: len(told) - place]
        if not told.startswith(again, place):
            raise _changed(f"the arguments of {was.name}()", told[place:], delta.arguments)
        self._places[at] = place + len(again)
        name = None if was.name else delta.name
        arguments = delta.arguments[len(again) :]
        if not arguments and name is None:
            return None
        return ToolCallDelta(delta.index, None if was.id else delta.id, name, arguments)

    def check_end(self) -> None:
        """Check that all arguments came again."""
        for at, (was, place) in enumerate(zip(self._was, self._places, strict=True)):
            if place < len(was.arguments):
                raise _changed(f"the arguments of {was.name}()", was.arguments[place:], "")
            if at >= len(self._again.all):
                raise _changed("a tool call", was.name, "")


def _reduced(
    chunk: StreamChunk, content: str, reasoning: str, refusal: str, deltas: tuple[ToolCallDelta, ...]
) -> Iterable[StreamChunk]:
    """Give a chunk with the texts that are new, if that leaves anything."""
    if (
        content == chunk.content
        and reasoning == chunk.reasoning
        and refusal == chunk.refusal
        and deltas == chunk.tool_calls
    ):
        return (chunk,)
    # Neither raw nor logprobs: those would still say what was dropped.
    rest = StreamChunk(
        content,
        chunk.finish_reason,
        chunk.index,
        chunk.model,
        chunk.choice,
        reasoning,
        deltas,
        chunk.usage,
        role=chunk.role,
        id=chunk.id,
        refusal=refusal,
    )
    return (rest,) if content or carries_more(rest) else _NOTHING


def _changed(what: str, delivered: str, came: str) -> AnswerChanged:
    got = f"got {came[:40]!r}" if came else "got the end"
    return AnswerChanged(
        f"the answer is another one this time: of {what}, {delivered[:40]!r} had been delivered, and {got}. "
        f'With resume="restart" the reader is told to begin anew instead.',
        delivered=delivered,
        came=came,
    )
