"""How a chat model is told to go on with an answer that broke off.

What one provider takes for the beginning of an answer, to be continued, is a new turn to another. So how it
is asked is a property of the source: known for some hosts, and to be said for others.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rxstream.errors import UnknownName
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import Continued
from rxstream.sansio.seam import Seam, overlaps, safe_prefix
from rxstream.sansio.wire import OBJECT

__all__ = ("CHAT", "RESPONSES", "Continuation", "continued_request", "how_to_continue")

#: "prefill": the text so far is the last message, the assistant's, and the model goes on in it. "instruct": a
#: user's message behind it asks for the rest. "none": neither. Or a function of the request and that text,
#: which returns the request for the rest.
Continuation: TypeAlias = (
    Literal["prefill", "instruct", "none"] | Callable[[dict[str, Any], str], dict[str, Any]]
)

_KNOWN: Final = ("prefill", "instruct", "none")

#: Hosts that take an assistant's last message for a finished turn.
_INSTRUCTED: Final = re.compile(r"(?:^|\.)(?:openai\.com|azure\.com|azure\.us)$")
#: Hosts that continue it only with a flag on the message; Mistral then sends it again.
_FLAGGED: Final = re.compile(r"(?:^|\.)(?:mistral\.ai|deepseek\.com)$")
_ECHOING: Final = re.compile(r"(?:^|\.)mistral\.ai$")
#: The fingerprint of llama.cpp's server, which does not send it again when it streams.
_LLAMA_CPP: Final = re.compile(r"b\d+-\w+")

_GO_ON: Final = (
    "Your last message was cut off. Write what comes directly after its last character, and nothing else: "
    "no introduction, and nothing of what it already says."
)
_GO_ON_WITH_JSON: Final = " It is a JSON document: write only the rest of it, without a code fence."


def how_to_continue(name: str, client: Any, continuation: Any) -> Continuation:
    """Return what the user says, or what is known of the client's host; refuse anything else."""
    if continuation is None:
        return "instruct" if _INSTRUCTED.search(_host(client)) else "prefill"
    if callable(continuation) or continuation in _KNOWN:
        return continuation  # type: ignore[no-any-return]
    msg = (
        f"{name}(continuation=...) expects one of {', '.join(map(repr, _KNOWN))}, or a function from the "
        f"request and the text so far to the request for the rest, and got {continuation!r}"
    )
    raise UnknownName(msg)


class Asked(NamedTuple):
    """What a dialect of requests calls the things that matter here."""

    #: The field with the conversation, the limits, and the one that may want JSON.
    messages: str
    limits: tuple[str, ...]
    format: str
    #: From a text to the assistant's message that says it, so far.
    answer: Callable[[str], dict[str, Any]]


CHAT: Final = Asked(
    "messages",
    ("max_tokens", "max_completion_tokens"),
    "response_format",
    lambda text: {"role": "assistant", "content": text},
)
RESPONSES: Final = Asked(
    "input",
    ("max_output_tokens",),
    "text",
    lambda text: {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    },
)


def continued_request(
    dialect: Asked, request: Mapping[str, Any], delivered: Delivered, how: Continuation, client: Any
) -> tuple[dict[str, Any], Continued] | None:
    """Make the request for the rest of an answer, and the joint; None if there is no asking for it.

    Not for several choices, nor where a tool call has begun, nor as long as there are only thoughts.
    """
    answer = delivered.answer
    choice = answer.choices.get(0)
    if how == "none" or choice is None or len(answer.choices) > 1:
        return None
    content = "".join(choice.content)
    sent = safe_prefix(content)
    if not sent or choice.calls.all or choice.refusal:
        return None
    json = content if _wants_json(request.get(dialect.format)) else None
    asked = _with_lower_limit(dialect, request, delivered.pieces)
    tail = content[len(sent) :]
    if callable(how):
        return how(asked, sent), Continued(Seam(sent, tail), json=json)
    messages = _with_answer(dialect, request.get(dialect.messages), sent, client)
    asked[dialect.messages] = messages
    if how == "instruct":
        messages.append({"role": "user", "content": _GO_ON + (_GO_ON_WITH_JSON if json is not None else "")})
        # A model that is held to a schema can only write the whole document.
        asked.pop(dialect.format, None)
        return asked, Continued(Seam(sent, tail, overlaps=overlaps(sent)), json=json)
    return asked, Continued(Seam(sent, tail, echo=_echoes(client, delivered)), json=json)


def _host(client: Any) -> str:
    return str(getattr(getattr(client, "base_url", None), "host", ""))


def _echoes(client: Any, delivered: Delivered) -> bool | None:
    """Tell whether the server repeats the text that it is to go on with; None if that is not known."""
    if _ECHOING.search(_host(client)):
        return True
    event: Any = None if delivered.last is None else delivered.last.raw
    fingerprint = event.get("system_fingerprint") if isinstance(event, OBJECT) else None
    return False if isinstance(fingerprint, str) and _LLAMA_CPP.fullmatch(fingerprint) else None


def _wants_json(wanted: Any) -> bool:
    """Tell whether an answer is held to JSON: chat's ``response_format``, or ``text`` of Responses."""
    if isinstance(wanted, OBJECT):
        wanted = wanted.get("format", wanted)
    return isinstance(wanted, OBJECT) and str(wanted.get("type", "")).startswith("json")


def _with_lower_limit(dialect: Asked, request: Mapping[str, Any], used: int) -> dict[str, Any]:
    asked = dict(request)
    for name in dialect.limits:
        limit = asked.get(name)
        if isinstance(limit, int):
            asked[name] = max(1, limit - used)
    return asked


def _with_answer(dialect: Asked, messages: Any, sent: str, client: Any) -> list[Any]:
    """Put the text so far behind the messages; if the last one is the assistant's already, into that one."""
    conversation: list[Any] = (
        [{"role": "user", "content": messages}] if isinstance(messages, str) else [*(messages or ())]
    )
    flag = {"prefix": True} if _FLAGGED.search(_host(client)) else {}
    last: Any = conversation[-1] if conversation else None
    if isinstance(last, OBJECT) and last.get("role") == "assistant" and isinstance(last.get("content"), str):
        begun: str = last["content"]
        # A server that repeats such a beginning has put it in front of the answer already.
        whole = sent if flag and sent.startswith(begun) else begun + sent
        return [*conversation[:-1], {**last, "content": whole, **flag}]
    return [*conversation, {**dialect.answer(sent), **flag}]
