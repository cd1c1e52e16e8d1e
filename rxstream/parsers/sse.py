"""Bytes or text to server-sent events."""

from collections.abc import Callable
from functools import partial

from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.pipeline import named
from rxstream.items import SSEEvent
from rxstream.sansio.sse import MAX_EVENT_SIZE, EventStream, SSEDecoder
from rxstream.text.made import made

__all__ = ("parse_sse",)


@named
def parse_sse(
    *, max_event_size: int = MAX_EVENT_SIZE
) -> Callable[[Observable[EventStream]], Observable[SSEEvent]]:
    r"""Decode server-sent events, from the bytes or the text of a ``text/event-stream``.

        --'data: a\n'--'\nid: 7\nda'------'ta: b\n\n'---------'data: c'--|
        parse_sse()
        ---------------SSEEvent('a')------SSEEvent('b', id='7')----------|

        body = rxs.from_stream([b"event: tick\nda", b"ta: 1\n\ndata: \xc3", b"\xa9\n\n"])
        for event in rxs.iter_stream(body.pipe(rxs.parse_sse())):
            print(event.event, event.data)
        #> tick 1
        #> None é

    By the WHATWG's rules, to the letter. Items are ``bytes``, ``bytearray``, ``memoryview`` or ``str``, cut
    anywhere, also inside of a character; bytes that are not UTF-8 become U+FFFD. An event comes with the
    first half of the blank line's ``\r\n``; one without ``data`` is none, and neither is one that no blank
    line has closed: it is dropped at the end, without an error.

    ``event`` is None where the stream names none, which browsers call "message". ``id`` is the *last event
    id*: it stays until the stream names another one, and is "" where it was taken back. ``retry`` is in
    milliseconds. A ``[DONE]`` is an event like any other.

    ``max_event_size``, in bytes of UTF-8 (16 MiB unless given), bounds what is held: the ``data`` of one
    event and the line that is being read. A longer one raises EventTooLarge, a MalformedStream, behind the
    events before it. Raises ValueError unless it is at least 1; as the stream's error TypeError for items of
    another kind. For a model's answer there is ``from_chat``, which decodes the events, too, and knows when
    an answer is not whole; for a server's address ``from_sse``.
    """
    return lift(made("parse_sse()", partial(SSEDecoder, max_event_size=max_event_size)))
