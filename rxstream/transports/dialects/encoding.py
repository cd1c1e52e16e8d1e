"""What the encoders of messages have in common: one answer, and its tool calls told apart."""

import uuid
from typing import ClassVar

from rxstream.errors import MalformedStream, MixedChoices
from rxstream.items import StreamChunk, ToolCallDelta
from rxstream.sansio.calls import Call, Calls
from rxstream.sansio.json_grammar import BLANK

__all__ = ("MessageEncoder",)


class MessageEncoder:
    """Keep which answer is written, and which of its tool calls have begun and not ended.

    A call is told apart from the others as everywhere here (see ``sansio.calls``): its ``index`` alone says
    too little, since servers leave it out, or give all calls the same.
    """

    __slots__ = ("_calls", "_choice", "_names", "_unfinished")

    #: The dialect's name.
    dialect: ClassVar[str]
    #: How the id begins of a call that had none.
    prefix: ClassVar[str]

    def __init__(self) -> None:
        self._choice: int | None = None
        self._calls = Calls()
        #: The id of each call that has begun.
        self._names: list[str] = []
        #: Those whose end has not been written, in the order in which they began.
        self._unfinished: dict[int, Call] = {}

    def restart(self) -> None:
        """Begin with another answer; the calls that have not ended never will."""
        self._choice = None
        self._calls = Calls()
        self._names.clear()
        self._unfinished.clear()

    def take(self, chunk: StreamChunk) -> None:
        """Refuse a piece of a second answer: it would be read as a piece of the first."""
        if chunk.choice == self._choice:
            return
        says = chunk.content or chunk.reasoning or chunk.refusal or chunk.tool_calls
        if not says and chunk.finish_reason is None:
            return  # the role, or a usage: it is nothing of any text
        if self._choice is not None:
            msg = (
                f"the dialect {self.dialect!r} has one answer, and got choices {self._choice} and "
                f"{chunk.choice} of one request. Pick one before: "
                f"ops.filter(lambda chunk: chunk.choice == {self._choice}); or send all in the dialects "
                f"'rxstream' and 'openai'."
            )
            raise MixedChoices(msg)
        self._choice = chunk.choice

    def add_call(self, delta: ToolCallDelta) -> tuple[Call, bool]:
        """Add a piece to the call that it belongs to; give the call, and whether it begins here."""
        call = self._calls.add(delta)
        new = call.index == len(self._names)
        if new:
            self._names.append(call.id or f"{self.prefix}{uuid.uuid4().hex}")
            self._unfinished[call.index] = call
        elif call.index not in self._unfinished and delta.arguments.strip(BLANK):
            msg = (
                f"the arguments of tool call {self.name_of(call)!r} ({call.name}) were whole, and more of "
                f"them came behind the beginning of something else: {delta.arguments!r:.80}"
            )
            raise MalformedStream(msg)
        return call, new

    def name_of(self, call: Call) -> str:
        """Give the id of a call, as it was written at its beginning."""
        return self._names[call.index]

    def finish_calls(self, *, behind: Call | None = None) -> list[Call]:
        """Give the calls that end because something else begins, and their arguments are whole.

        ``behind``: the call that begins, which is none of them. A call that is not whole goes on: the pieces
        of several may come by turns.
        """
        return self._finish(
            [call for call in self._unfinished.values() if call is not behind and call.is_whole()]
        )

    def finish_all_calls(self) -> list[Call]:
        """Give the calls that end with the message."""
        return self._finish(list(self._unfinished.values()))

    def _finish(self, calls: list[Call]) -> list[Call]:
        for call in calls:
            del self._unfinished[call.index]
        return calls
