"""An answer's chunks to its tool calls."""

from collections.abc import Callable
from functools import partial as bound

from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.pipeline import named
from rxstream.items import StreamChunk, ToolCall
from rxstream.sansio.json_grammar import MAX_DEPTH
from rxstream.sansio.json_text import OnInvalid
from rxstream.sansio.tool_calls import PartialToolCall, ToolCalls
from rxstream.text.made import made

__all__ = ("parse_tool_calls",)


@named
def parse_tool_calls(
    *, partial: bool = False, on_invalid: OnInvalid = "raise", max_depth: int = MAX_DEPTH
) -> Callable[[Observable[StreamChunk]], Observable[ToolCall | PartialToolCall]]:
    """Give an answer's tool calls, each when its arguments are whole.

        -StreamChunk('', tool_calls=[ToolCallDelta(0, 'a', 'f', '{"n":'), ToolCallDelta(0, arguments='1}')])-|
        parse_tool_calls()
        -ToolCall('a', 'f', '{"n":1}', 0, {'n': 1})----------------------------------------------------------|

    ``call.value`` is the parsed arguments, a dict; ``call.arguments`` their text, as the model wrote it. The
    same from Chat and from Responses. Calls come in the order in which they become whole; ``index`` counts
    them in the order in which they began. A call without arguments (its ``value`` is ``{}``) is whole when
    nothing can come for it any more: most often that is the finish reason.

    What the token limit, a content filter or the end of the stream cuts off is never a ``ToolCall``. It comes
    at the end as a ``PartialToolCall``, whose ``complete`` is False and whose ``ended`` says why. So:

        answer = rxs.from_recording("07-tool-calls-parallel", speed=None)
        for call in rxs.iter_stream(answer.pipe(rxs.parse_tool_calls())):
            if isinstance(call, rxs.ToolCall):
                print(call.name, call.value)
        #> get_weather {'city': 'Paris', 'unit': 'celsius', 'days': 1}
        #> get_weather {'city': 'Paris', 'unit': 'fahrenheit', 'days': 1}

    ``partial``: ``PartialToolCall`` items also while a call grows: first one without arguments, as soon as
    its name is there, then one for each piece of them, until the ``ToolCall`` itself. ``delta`` is the new
    text, ``value`` the arguments as they are known at that moment (a snapshot, made when asked for),
    ``parts`` what is new of them, as from ``parse_partial_json``; ``is_complete("$.city")`` tells what is
    final.

        -StreamChunk('', tool_calls=[ToolCallDelta(0, 'a', 'f', '{"n')])--|
        parse_tool_calls(partial=True)
        -(PartialToolCall('a', 'f') PartialToolCall('a', 'f', '{"n'))-----(PartialToolCall('a', 'f', ended='cut')|)

    Servers that leave out the index of a piece, give all calls the same one, or send id and name with every
    piece are understood: another id begins a call, and where there are no ids a name does.

    ``on_invalid``: what becomes of arguments that are not one JSON object: "raise" (the default), "skip", or
    a function that gets the fault; nothing more comes of that call then, and the others go on.
    ``max_depth``: how deep objects and arrays may stand in one another, else TooDeep.

    At an error from upstream what is not whole is dropped. Memory: the text of the calls of one answer.
    Raises TypeError and ValueError for wrong arguments; as the stream's error InvalidJSON, which names the
    call, and TooDeep, behind everything found before it, MixedChoices for calls of two choices (``n=2``),
    TypeError for items that are no chunks. To have a whole answer's calls, not parsed, there is ``collect``.
    """  # noqa: E501 - a marble has its length
    make = bound(ToolCalls, partial=partial, on_invalid=on_invalid, max_depth=max_depth)
    return lift(made("parse_tool_calls()", make))
