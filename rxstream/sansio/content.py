"""What of a stream is content, and what only accompanies it."""

from rxstream.items import Restarted, StreamChunk

__all__ = ("has_content",)


def has_content(item: object) -> bool:
    """Tell whether an item says something.

    A chunk does with text, reasoning, a refusal or a piece of a tool call; a role, a finish reason or a
    count of tokens is none. An empty text is none, and neither is ``None``; any other item is content.
    """
    if isinstance(item, StreamChunk):
        return bool(item.content or item.reasoning or item.tool_calls or item.refusal)
    if isinstance(item, str | bytes):
        return bool(item)
    return item is not None and not isinstance(item, Restarted)
