"""Tool calls, put together of an answer's chunks: whole ones, and those that grow or were cut off."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias

from rxstream.errors import MixedChoices
from rxstream.items import StreamChunk, ToolCall, ToolCallDelta
from rxstream.sansio.arguments import Arguments
from rxstream.sansio.calls import Call, Calls
from rxstream.sansio.growing import SoLong
from rxstream.sansio.json_grammar import MAX_DEPTH, Grammar
from rxstream.sansio.json_path import parse_place
from rxstream.sansio.json_text import OnInvalid, checked_on_invalid
from rxstream.sansio.partial_json import PartialJSON

__all__ = ("PartialToolCall", "ToolCalls")

Item: TypeAlias = "ToolCall | PartialToolCall"

#: The finish reasons that say of a call for which no arguments came that it has none.
_WHOLE: Final = ("tool_calls", "stop", "function_call")
_BY_HAND: Final = "this item was made by hand: of the arguments it has nothing but its delta"


class PartialToolCall:
    """What came to be known of a tool call that is not whole: never to be called.

    From ``parse_tool_calls``: while a call grows, with ``partial=True``, and at the end for one that was cut
    off.

    ``id``, ``name``: as far as they have come. ``index``: which call of the answer it is, from 0. ``delta``:
    the new characters of the arguments' JSON text. ``arguments``: the text so far, joined when it is asked
    for. ``parts``: what is new of the parsed arguments, place by place. ``value``: the arguments as they are
    known at this moment, ``{}`` before anything is; a snapshot made when it is asked for, read-only, in which
    nothing is taken back later. ``ended``: None while the call may still grow; on its last item, if it never
    became whole, the answer's finish reason ("length"), or "cut" where the answer ended without one.
    ``complete`` is False, which tells it from a ``ToolCall``; ``is_complete("$.city")`` tells whether one
    argument is whole.
    """

    __slots__ = ("delta", "ended", "id", "index", "name", "parts")

    #: What tells it from a ``ToolCall``, also for a type checker.
    complete: Literal[False] = False

    def __init__(
        self,
        id: str | None,  # noqa: A002 - the field's own name on the wire
        name: str,
        delta: str = "",
        index: int = 0,
        *,
        parts: Sequence[PartialJSON[Any]] = (),
        ended: str | None = None,
    ) -> None:
        self.id = id
        self.name = name
        self.delta = delta
        self.index = index
        self.parts = tuple(parts)
        self.ended = ended

    @property
    def arguments(self) -> str:
        """The arguments' JSON text so far, exactly as the model wrote it."""
        raise AttributeError(_BY_HAND)

    @property
    def value(self) -> dict[str, Any]:
        """The arguments as they are known at this moment."""
        raise AttributeError(_BY_HAND)

    def is_complete(self, path: str | Sequence[str | int] = ()) -> bool:  # noqa: ARG002 - see below
        """Tell whether the argument at a path, ``("city",)`` or ``"$.city"``, is there and whole.

        Raises ValueError for a str that is no path, or has a ``*``, TypeError for anything else that is none.
        """
        raise AttributeError(_BY_HAND)

    def __eq__(self, other: object) -> bool:
        """Compare what is new of the text; the rest follows from it."""
        if not isinstance(other, PartialToolCall):
            return NotImplemented
        return (
            self.delta == other.delta
            and self.index == other.index
            and self.name == other.name
            and self.id == other.id
            and self.ended == other.ended
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        ended = "" if self.ended is None else f", ended={self.ended!r}"
        return f"PartialToolCall({self.id!r}, {self.name!r}, {self.delta!r}, {self.index!r}{ended})"


class _PartialToolCall(PartialToolCall):
    """An item with all the earlier ones behind it."""

    __slots__ = ("known", "so_far")

    def __init__(  # noqa: PLR0917 - for speed
        self,
        call: Call,
        delta: str,
        pieces: Sequence[str],
        parts: Sequence[PartialJSON[Any]],
        known: PartialJSON[Any] | None,
        ended: str | None,
    ) -> None:
        super().__init__(call.id, call.name, delta, call.index, parts=parts, ended=ended)
        self.so_far = SoLong(pieces)
        #: The last that came to be known of the arguments, with this item or before.
        self.known = known

    @property
    def arguments(self) -> str:
        return str(self.so_far)

    @property
    def value(self) -> dict[str, Any]:
        return {} if self.known is None else self.known.value

    def is_complete(self, path: str | Sequence[str | int] = ()) -> bool:
        if self.known is not None:
            return self.known.is_complete(path)
        parse_place(path)  # what it says of what is no path is said
        return False


class ToolCalls:
    """Chunks of an answer in, its tool calls out, each when its arguments' outermost brace closes.

    Which call a piece belongs to ``calls`` finds out. A call without arguments is whole when nothing more
    can come for it, which most often only the finish reason says. Calls that are not whole at the end come
    as a ``PartialToolCall`` each, with ``partial`` also before, as they grow. Behind a finish reason another
    answer may begin.

    ``on_invalid``: what becomes of arguments that are no JSON object: "raise", "skip" the call, or give the
    fault to a function and skip the call.
    """

    __slots__ = ("_calls", "_choice", "_growing", "_max_depth", "_on_invalid", "_partial")

    def __init__(
        self, *, partial: bool = False, on_invalid: OnInvalid = "raise", max_depth: int = MAX_DEPTH
    ) -> None:
        Grammar(max_depth=max_depth)  # what it says of a wrong one is said now
        self._partial = partial
        self._on_invalid: Any = checked_on_invalid(on_invalid)
        self._max_depth = max_depth
        self._choice: int | None = None
        self._restart()

    def _restart(self) -> None:
        self._calls = Calls()
        #: Of each call what has become of it, by its index.
        self._growing: list[_Growing] = []

    def feed(self, chunk: StreamChunk) -> Iterable[Item]:
        """Take the next chunk; give what is new."""
        if not isinstance(chunk, StreamChunk):
            raise TypeError(
                f"parse_tool_calls() works on the chunks of an answer: it expects StreamChunk items, and got "
                f"{type(chunk).__name__}: {chunk!r:.80}. Put it before whatever makes text of them."
            )
        if not chunk.tool_calls and chunk.finish_reason is None:
            return ()
        return self._read(chunk)

    def close(self) -> Iterator[Item]:
        """Learn that the answer is over: what is not whole was cut."""
        return self._end(None)

    def _read(self, chunk: StreamChunk) -> Iterator[Item]:
        if chunk.tool_calls:
            self._take(chunk)
            for delta in chunk.tool_calls:
                yield from self._add(delta)
        if chunk.finish_reason is not None and chunk.choice == self._choice:
            yield from self._end(chunk.finish_reason)

    def _take(self, chunk: StreamChunk) -> None:
        """Take on the choice of the first call; refuse any other one's."""
        if self._choice is None:
            self._choice = chunk.choice
        if self._choice != chunk.choice:
            msg = (
                f"parse_tool_calls() works on one answer, and got tool calls of choice {self._choice} and of "
                f"choice {chunk.choice}. Pick one before it: "
                f"ops.filter(lambda chunk: chunk.choice == {self._choice})."
            )
            raise MixedChoices(msg)

    def _add(self, delta: ToolCallDelta) -> Iterator[Item]:
        calls = self._calls
        call = calls.add(delta)
        for lost in calls.lost:
            if not self._growing[lost.index].arguments.begun:
                yield from self._finish(self._growing[lost.index], _WHOLE[0])
        if call.index == len(self._growing):
            self._growing.append(_Growing(call, self._max_depth, partial=self._partial))
        growing = self._growing[call.index]
        fault = growing.arguments.take(delta.arguments) if delta.arguments else None
        if call.name and not growing.told:
            if self._partial:
                yield from growing.news()
            if growing.arguments.over:
                yield growing.whole()
        if fault is not None:
            # Nothing more of this call, also if only its name is still to come.
            growing.told = True
            if self._on_invalid == "raise":
                raise fault
            if self._on_invalid != "skip":
                self._on_invalid(fault)

    def _end(self, reason: str | None) -> Iterator[Item]:
        ended = self._growing
        self._restart()
        for growing in ended:
            yield from self._finish(growing, reason)

    def _finish(self, growing: "_Growing", reason: str | None) -> Iterator[Item]:
        """Tell what has become of a call to which nothing is added any more."""
        call, arguments = growing.call, growing.arguments
        if growing.told or not (arguments.begun or call.name or call.id):
            return
        if not (arguments.over or (reason in _WHOLE and not arguments.begun)):
            yield growing.cut(reason or "cut")
            return
        if self._partial:
            yield from growing.news()
        yield growing.whole()


class _Growing:
    """What is known of one call, and what of that has been told."""

    __slots__ = ("_announced", "_given", "arguments", "call", "told")

    def __init__(self, call: Call, max_depth: int, *, partial: bool) -> None:
        self.call = call
        name = f"tool call {call.name!r}" if call.name else "a tool call without a name"
        number = f"index {call.index}" if call.id is None else f"index {call.index}, id {call.id!r}"
        context = f"the arguments of {name} ({number})"
        self.arguments = Arguments(context, partial=partial, max_depth=max_depth)
        self._announced = False
        #: How many pieces of the arguments have been told.
        self._given = 0
        #: Whether all has been told: nothing comes of this call any more.
        self.told = False

    def news(self) -> Iterator[PartialToolCall]:
        """Tell what is new of a call that grows: that it is there, then its arguments."""
        if not self._announced:
            self._announced = True
            yield _PartialToolCall(self.call, "", (), (), None, None)
        # A character that is wrong is no news, and still may delimit the number before it.
        if self._given < len(self.arguments.pieces) or self.arguments.parts:
            yield self._rest(None)

    def whole(self) -> ToolCall:
        """Tell of the whole call."""
        self.told = True
        call, arguments = self.call, self.arguments
        return ToolCall(call.id, call.name, "".join(arguments.pieces), call.index, arguments.value())

    def cut(self, ended: str) -> PartialToolCall:
        """Tell that the call will never be whole."""
        self.told = True
        self.arguments = self.arguments.followed()
        return self._rest(ended)

    def _rest(self, ended: str | None) -> PartialToolCall:
        arguments = self.arguments
        pieces, given = arguments.pieces, self._given
        self._given = len(pieces)
        parts, arguments.parts = arguments.parts, []
        return _PartialToolCall(self.call, "".join(pieces[given:]), pieces, parts, arguments.known, ended)
