"""How a chat model is told to go on with an answer that broke off.

What one provider takes for the beginning of an answer, to be continued, is a new turn to another. So how it
is asked is a property of the source: known for some hosts, and to be said for others.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from rxstream.errors import UnknownName
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import Continued
from rxstream.sansio.seam import Seam, overlaps, safe_prefix
from rxstream.sansio.wire import LIST, OBJECT

__all__ = ("CHAT", "RESPONSES", "Continuation", "continued_request", "how_to_continue")

#: "prefill": the text so far is the last message, the assistant's, and the model goes on in it. "instruct": a
#: user's message behind it asks for the rest. "none": neither. Or a function of the request and that text,
#: which returns the request for the rest.
Continuation: TypeAlias = (
    Literal["prefill", "instruct", "none"] | Callable[[dict[str, Any], str], dict[str, Any]]
)

_KNOWN: Final = ("prefill", "instruct", "none")

#: Hosts that take an assistant's last message for a finished turn.
_INSTRUCTED: Final = re.compile(r"(?:^|\.)(?:openai\.com|azure\.(?:com|us|cn))$")
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
    #: The type of a part of a message that the assistant has said, and what else a message has.
    part: str
    message: Mapping[str, Any]
    #: Whether its content is parts, always.
    in_parts: bool

    def said(self, text: str) -> dict[str, Any]:
        """Return a part that says a text."""
        return {"type": self.part, "text": text, **({"annotations": []} if self.in_parts else {})}

    def answer(self, text: str) -> dict[str, Any]:
        """Return the message of an assistant who has said a text so far."""
        return {**self.message, "role": "assistant", "content": [self.said(text)] if self.in_parts else text}


CHAT: Final = Asked(
    messages="messages",
    limits=("max_tokens", "max_completion_tokens"),
    format="response_format",
    part="text",
    message={},
    in_parts=False,
)
RESPONSES: Final = Asked(
    messages="input",
    limits=("max_output_tokens",),
    format="text",
    part="output_text",
    message={"type": "message"},
    in_parts=True,
)


def continued_request(
    dialect: Asked, request: Mapping[str, Any], delivered: Delivered, how: Continuation, client: Any
) -> tuple[dict[str, Any], Continued] | None:
    """Make the request for the rest of an answer, and the joint; None if there is no asking for it.

    Not for several choices, nor where a tool call or a refusal has begun, nor as long as there are only
    thoughts; and a text that has its finish reason has no rest. The user's request is left as it is.
    """
    choices = delivered.answer.choices
    choice = choices.get(0)
    if how == "none" or choice is None or len(choices) > 1 or (request.get("n") or 1) > 1:
        return None
    content = "".join(choice.content)
    sent = safe_prefix(content)
    if not sent or choice.calls.all or choice.refusal or choice.finish_reason is not None:
        return None
    is_json = _wants_json(request.get(dialect.format))
    json = content if is_json else None
    asked = _with_lower_limit(dialect, request, delivered.pieces)
    tail = content[len(sent) :]
    if callable(how):
        return how(_copied(asked), sent), Continued(Seam(sent, tail), json=json)
    if how == "instruct":
        messages = _with_answer(dialect, request.get(dialect.messages), sent)
        messages.append({"role": "user", "content": _GO_ON + (_GO_ON_WITH_JSON if is_json else "")})
        if is_json:  # a model that is held to a schema can only write the whole document
            _drop_format(dialect, asked)
        asked[dialect.messages] = messages
        return asked, Continued(Seam(sent, tail, overlaps=overlaps(sent)), json=json)
    host = _host(client)
    echo = _echoes(host, delivered)
    messages = _with_answer(dialect, request.get(dialect.messages), sent, echo=bool(echo))
    if _FLAGGED.search(host):
        messages[-1]["prefix"] = True
    asked[dialect.messages] = messages
    return asked, Continued(Seam(sent, tail, echo=echo), json=json)


def _host(client: Any) -> str:
    return urlsplit(str(getattr(client, "base_url", ""))).hostname or ""


def _echoes(host: str, delivered: Delivered) -> bool | None:
    """Tell whether the server repeats the text that it is to go on with; None if that is not known."""
    if _ECHOING.search(host):
        return True
    event: Any = None if delivered.last is None else delivered.last.raw
    fingerprint = event.get("system_fingerprint") if isinstance(event, OBJECT) else None
    return False if isinstance(fingerprint, str) and _LLAMA_CPP.fullmatch(fingerprint) else None


def _wants_json(wanted: Any) -> bool:
    """Tell whether an answer is held to JSON: chat's ``response_format``, or ``text`` of Responses."""
    if isinstance(wanted, OBJECT):
        wanted = wanted.get("format", wanted)
    return isinstance(wanted, OBJECT) and str(wanted.get("type", "")).startswith("json")


def _drop_format(dialect: Asked, asked: dict[str, Any]) -> None:
    """Let the answer have any form; ``text`` of Responses says more than that."""
    wanted = asked.pop(dialect.format)
    rest = {name: value for name, value in wanted.items() if name != "format"} if "format" in wanted else {}
    if rest:
        asked[dialect.format] = rest


def _with_lower_limit(dialect: Asked, request: Mapping[str, Any], used: int) -> dict[str, Any]:
    asked = dict(request)
    for name in dialect.limits:
        limit = asked.get(name)
        if isinstance(limit, int):
            asked[name] = max(1, limit - used)
    return asked


def _with_answer(dialect: Asked, messages: Any, sent: str, *, echo: bool = False) -> list[Any]:
    """Put the text so far behind the messages; if the last one is the assistant's already, into that one."""
    conversation: list[Any] = (
        [{"role": "user", "content": messages}] if isinstance(messages, str) else [*(messages or ())]
    )
    last: Any = conversation[-1] if conversation else None
    if not isinstance(last, OBJECT) or last.get("role") != "assistant":
        return [*conversation, dialect.answer(sent)]
    begun: Any = last.get("content")
    if isinstance(begun, str):
        # A server that repeats such a beginning has put it in front of the answer already.
        begun = sent if echo and sent.startswith(begun) else begun + sent
    elif isinstance(begun, LIST):
        begun = [*begun, dialect.said(sent)]
    else:
        return [*conversation, dialect.answer(sent)]
    return [*conversation[:-1], {**last, "content": begun}]


def _copied(value: Any) -> Any:
    """Copy objects and lists all the way down, for somebody who may change them."""
    if isinstance(value, OBJECT):
        return {name: _copied(one) for name, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, LIST) else value
