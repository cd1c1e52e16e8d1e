"""What a retry lets through of another attempt's answer: what has not been delivered yet.

Two machines on items. ``Continued`` is for the rest of an answer, which a model was told to go on with;
``Aligned`` is for the whole answer once more.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any, Final, Protocol, TypeAlias

from rxstream.errors import AnswerChanged
from rxstream.items import StreamChunk, ToolCallDelta
from rxstream.sansio.calls import Call, Calls
from rxstream.sansio.content import has_content
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.json_grammar import Broken, Grammar
from rxstream.sansio.seam import Seam, alike
from rxstream.sansio.texts import carries_more

__all__ = ("Aligned", "Continued", "Joint", "PassedOn", "is_in_line")

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
    """For an attempt of which everything is new.

    With ``in_line`` it is so already: numbered, counted and paid for behind what came.
    """

    __slots__ = ("in_line",)

    def __init__(self, *, in_line: bool = False) -> None:
        self.in_line = in_line

    def feed(self, item: Any) -> Iterable[Any]:
        """Pass the item on."""
        return (item,)

    def close(self) -> Iterable[Any]:
        """Give nothing."""
        return _NOTHING


def is_in_line(joint: Joint) -> bool:
    """Tell whether the items behind a joint are in line already."""
    return isinstance(joint, PassedOn) and joint.in_line


class Continued:
    """The rest of an answer of one choice, whose text ``seam`` joins to what was delivered.

    Thoughts that come with the rest are dropped: those of the answer came before its text. With ``json`` (the
    text that was delivered) both together are held against JSON's grammar: a model that begins another
    document, or goes on in prose, raises ``AnswerChanged``, and nothing of that is given.
    """

    __slots__ = ("_grammar", "_last", "_seam")

    def __init__(self, seam: Seam, *, json: str | None = None) -> None:
        self._seam = seam
        self._last: StreamChunk | None = None
        self._grammar: Grammar | None = None
        if json is not None:
            grammar = Grammar(max_depth=_NO_BOUND)
            if not _fault_in(grammar, json):  # else it was none before, and the model is not to blame
                self._grammar = grammar

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
        fault = _fault_in(self._grammar, text) if text and self._grammar is not None else None
        if fault is not None:
            expected, came = fault
            raise AnswerChanged(
                f"asked to go on with a JSON document, the model wrote something that does not continue it: "
                f"expected {expected}, got {came[:40]!r}",
                came=came,
            )
        return _reduced(chunk, text, "", chunk.refusal, deltas=chunk.tool_calls, reason=chunk.finish_reason)


class Aligned:
    """The same answer once more: as much of it as was delivered is dropped, and must be the same.

    Each channel by itself: the content, the reasoning and the refusal of each choice, the arguments of each
    tool call; text that came without chunks. Ids of tool calls are made up anew for every answer: the
    delivered ones stay. A choice that had ended, has: its finish reason is dropped, and nothing may follow.
    Items that are neither chunks nor text are dropped by their number, and must be equal.

    With ``strict`` thoughts must be the same, too. Without, where they differ the rest of them is dropped
    and the answer still comes.
    """

    __slots__ = ("_calls", "_ended", "_objects", "_places", "_strict", "_thought_otherwise", "_told")

    def __init__(self, delivered: Delivered, *, strict: bool = False) -> None:
        self._strict = strict
        # As of now: what this machine lets through is added to ``delivered``, too.
        self._told: dict[Channel, str] = {}
        self._calls: dict[int, _CallsAgain] = {}
        #: Choices whose finish reason has been delivered.
        self._ended: set[int] = set()
        for number, choice in delivered.answer.choices.items():
            self._told["content", number] = "".join(choice.content)
            self._told["reasoning", number] = "".join(choice.reasoning)
            self._told["refusal", number] = "".join(choice.refusal)
            self._calls[number] = _CallsAgain(choice.calls)
            if choice.finish_reason is not None:
                self._ended.add(number)
        self._told["text", 0] = "".join(delivered.texts)
        #: How far each channel has come again.
        self._places: dict[Channel, int] = {}
        self._objects: list[Any] = delivered.objects[::-1]
        self._thought_otherwise: set[int] = set()

    def feed(self, item: Any) -> Iterable[Any]:
        """Take the answer's next item; give what of it is new."""
        if item.__class__ is StreamChunk:
            return self._chunk(item)
        if isinstance(item, str):
            rest = self._rest("text", 0, item)
            return (rest,) if rest else _NOTHING
        if self._objects and has_content(item):
            expected = self._objects.pop()
            if item != expected:
                raise _changed("the items", repr(expected), repr(item))
            return _NOTHING
        return (item,)

    def close(self) -> Iterable[Any]:
        """Check that everything came again."""
        for number in self._calls:
            self._check_end(number)
        if (place := self._places.get(("text", 0), 0)) < len(told := self._told["text", 0]):
            raise _changed("the text", told[place:], "")
        if self._objects:
            raise _changed("the items", repr(self._objects[-1]), "")
        return _NOTHING

    def _chunk(self, chunk: StreamChunk) -> Iterable[Any]:
        number = chunk.choice
        content = self._rest("content", number, chunk.content)
        refusal = self._rest("refusal", number, chunk.refusal)
        deltas = chunk.tool_calls and self._deltas(number, chunk.tool_calls)
        reasoning = self._reasoning(number, chunk.reasoning)
        reason = chunk.finish_reason
        if reason is not None:
            self._check_end(number)
        if number in self._ended:
            more = content or refusal or "".join([delta.arguments or delta.name or "" for delta in deltas])
            if more:
                raise _changed("the end", "", more)
            reason = None
        return _reduced(chunk, content, reasoning, refusal, deltas=deltas, reason=reason)

    def _rest(self, kind: str, number: int, text: str) -> str:
        """Return what of a text is new in its channel."""
        channel = kind, number
        told = self._told.get(channel, "")
        place = self._places.get(channel, 0)
        if not text or place == len(told):
            return text
        self._places[channel], rest = _new_of(text, told, place, kind)
        return rest

    def _reasoning(self, number: int, text: str) -> str:
        if not text or number in self._thought_otherwise:
            return ""
        try:
            rest = self._rest("reasoning", number, text)
            # What it had said behind them already, it had said without those thoughts.
            if rest and (number in self._ended or self._missing(number)):
                raise _changed("the reasoning", "", rest)
        except AnswerChanged:
            if self._strict:
                raise
            self._thought_otherwise.add(number)
            return ""
        return rest

    def _deltas(self, number: int, deltas: Sequence[ToolCallDelta]) -> tuple[ToolCallDelta, ...]:
        calls = self._calls.get(number)
        if calls is None:
            return tuple(deltas)
        return tuple([rest for delta in deltas if (rest := calls.rest(delta)) is not None])

    def _check_end(self, number: int) -> None:
        missing = self._missing(number, *(("reasoning",) if self._strict else ()))
        if missing is not None:
            raise _changed(*missing, "")

    def _missing(self, number: int, *more: str) -> tuple[str, str] | None:
        """Find what has not come again yet: its name, and the rest of it."""
        for kind in ("content", "refusal", *more):
            told = self._told.get((kind, number), "")
            place = self._places.get((kind, number), 0)
            if place < len(told):
                return f"the {kind}", told[place:]
        return self._calls[number].missing() if number in self._calls else None


class _CallsAgain:
    """The tool calls of a choice, once more.

    Which call a piece belongs to is not the same question here as for the reader, who has had other pieces
    before it, with other ids and sometimes other indices: so that is looked up in a copy of what he has.
    """

    __slots__ = ("_again", "_places", "_reader", "_told")

    def __init__(self, calls: Calls) -> None:
        self._reader = deepcopy(calls)
        self._told = ["".join(call.arguments) for call in calls.all]
        self._places = [0] * len(self._told)
        self._again = Calls()

    def rest(self, delta: ToolCallDelta) -> ToolCallDelta | None:
        """Return what of a piece is new, if anything is."""
        call = self._again.add(delta)
        at = call.index
        readers = self._reader.all
        if at < len(self._told):
            delta_or_none = self._new_of(delta, call, readers[at])
            if delta_or_none is None:
                return None
            delta = delta_or_none
        if at < len(readers):
            delta = self._for_reader(delta, readers[at])
        elif call.name and not delta.name:
            # It began with a name behind the end of the one before, which seemed to be that one's.
            delta = ToolCallDelta(delta.index, delta.id, call.name, delta.arguments)
        self._reader.add(delta)
        return delta

    def _new_of(self, delta: ToolCallDelta, call: Call, was: Call) -> ToolCallDelta | None:
        at = call.index
        if call.name and was.name and call.name != was.name:
            raise _changed("the tool calls", was.name, call.name)
        of = f"arguments of {was.name}()"
        self._places[at], arguments = _new_of(delta.arguments, self._told[at], self._places[at], of)
        name = None if was.name else delta.name
        id_ = None if was.id else delta.id
        if not (arguments or name or id_):
            return None
        return ToolCallDelta(delta.index, id_, name, arguments)

    def _for_reader(self, delta: ToolCallDelta, call: Call) -> ToolCallDelta:
        """Say which call a piece belongs to, in case its index no longer does."""
        if self._reader.find(delta) is call:
            return delta
        return ToolCallDelta(delta.index if call.id else None, call.id, delta.name, delta.arguments)

    def missing(self) -> tuple[str, str] | None:
        """Find what has not come again yet: its name, and the rest of it."""
        for at, (told, place) in enumerate(zip(self._told, self._places, strict=True)):
            name = self._reader.all[at].name
            if at >= len(self._again.all):
                return "the tool calls", name
            if place < len(told):
                return f"the arguments of {name}()", told[place:]
        return None


def _new_of(text: str, told: str, place: int, what: str) -> tuple[int, str]:
    """Return how far a text has come that is being told again, and what is behind it."""
    again = text[: len(told) - place]
    if not told.startswith(again, place):
        told = told[place:]
        same = alike(again, told)
        raise _changed(f"the {what}", told[same:], text[same:])
    return place + len(again), text[len(again) :]


def _fault_in(grammar: Grammar, text: str) -> tuple[str, str] | None:
    """Take more of a JSON document; return what was expected and what came, if that is not more of it."""
    text = grammar.resumed(text)
    try:
        end = 0 if grammar.over else grammar.take(text)
    except Broken as fault:
        return fault.expected, text[fault.index :]
    return ("the end", text[end:]) if text[end:].strip() else None


def _reduced(
    chunk: StreamChunk,
    content: str,
    reasoning: str,
    refusal: str,
    *,
    deltas: tuple[ToolCallDelta, ...],
    reason: str | None,
) -> Iterable[StreamChunk]:
    """Give a chunk with what is new of it, if that leaves anything."""
    if (
        content == chunk.content
        and reasoning == chunk.reasoning
        and refusal == chunk.refusal
        and deltas == chunk.tool_calls
        and reason == chunk.finish_reason
    ):
        return (chunk,)
    # Neither raw nor logprobs: those would still say what was dropped.
    rest = StreamChunk(
        content,
        reason,
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
    had = f"{delivered[:40]!r} had been delivered" if delivered else "that had been delivered"
    got = f"got {came[:40]!r}" if came else "got the end"
    return AnswerChanged(
        f"the answer is another one this time: of {what}, {had}, and {got}. "
        f'With resume="restart" the reader is told to begin anew instead.',
        delivered=delivered,
        came=came,
    )
