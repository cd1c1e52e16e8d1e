"""One message of a WebSocket, as both ends write it."""

import json
from dataclasses import dataclass
from typing import Any, Self

from rxstream.sansio.ws_wire import read_message
from rxstream.transports.dialects.json_form import to_text

__all__ = ("WSMessage",)


@dataclass(slots=True)
class WSMessage:
    """What is sent over a WebSocket: a type, its data, and which of several answers it is about.

    For clients and servers of the protocol of ``serve_websocket`` that are not ours. ``type``: clients send
    ``complete``, ``cancel``, ``credit``, ``auth`` and ``ping``; servers ``start``, ``chunk``, ``restart``,
    ``done``, ``error`` and ``pong``. ``data``: whatever JSON holds. ``id``: the answer's; without one it is
    about the one answer that has none. ``to_json()`` writes it, ``from_json(text)`` reads one.
    """

    type: str
    data: Any = None
    id: str | None = None

    def to_json(self) -> str:
        """Write the message. Raises TypeError for data that JSON cannot hold."""
        head = f'{{"type":{json.dumps(self.type)}'
        if self.id is not None:
            head += f',"id":{json.dumps(self.id)}'
        return f'{head},"data":{to_text(self.data)}}}'

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a message.

        Raises InvalidJSON for what is no JSON (NaN and its like are none), TooDeep and InvalidValue for JSON
        that is no message: an object with a ``type``.
        """
        message = read_message(text)
        return cls(message.type, message.data, message.id)
