"""A model for a loopback server that says what it was told to, with the quirks of real ones."""

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from rxstream.sansio.wire import LIST, OBJECT
from rxstream.testing.answers import Answer
from rxstream.testing.chat_events import chat_answer
from rxstream.testing.connection import Request
from rxstream.testing.replies import Reply, ReplyCall, text_of, tokens_of, write_reply
from rxstream.testing.response_events import response_answer, response_events

__all__ = ("ScriptedModel",)

_ANSWER = (
    "The sea is old. It was here before us, and it does not hurry.\n\n"
    "People come to its edge, stand still for a while, and go home with lighter hearts."
)
#: By so many characters of its end a partial answer is known again in an instruction; the longest first.
_TAILS = (24, 12, 6)
#: Responses that can be asked for again.
_KEPT = 1000


class ScriptedModel:
    """Be a deterministic model with one answer, for a ``FaultServer``.

        model = ScriptedModel("Once upon a time there was a river.")
        with FaultServer(model, faults=[Fault.reset(after_events=6)]) as server:
            async with AsyncOpenAI(base_url=server.base_url, api_key="none") as client:
                answer = rxs.from_chat(client, model="any", messages=[])
                result = await rxs.collect(answer.pipe(rxs.retry_stream(backoff=0)))
                print(result.content, len(server.requests))  #> Once upon a time there was a river. 2

    ``answer``: a text, given token by token (a token is a word, or up to six characters of one); anything
    else is given as JSON. Chat Completions and Responses, streamed and not; usage is counted truly,
    ``max_tokens`` and ``stop`` hold. A last message of the assistant's is *continued*: the rest of the
    answer follows, and where it is no beginning of the answer, the whole. An empty one is refused, as are
    two of them.

    The quirks: ``echo``: repeats what it continues. ``strips``: drops the white space at its end first, so
    that it comes again. ``refuses_prefill``: status 400. ``restarts``: begins anew all the same.
    ``instruct``: continues when the user's last message follows the assistant's, or quotes the end of the
    answer so far. ``changes``: what it answers from the second request on; True is the words in reverse.

    ``reasoning``: thoughts that come before an answer from its beginning. ``tool_calls``: mappings with
    ``name`` and ``arguments`` (and ``id``), called behind the answer, which then is empty unless given.
    ``delay``: seconds before each event. ``name``: the model's, as answers tell it.

    A response of the Responses API can be asked for again, with ``starting_after``, by its ``id``. Raises
    TypeError and ValueError for an answer or calls that JSON cannot hold. A real model is ``rxs.LocalModel``.
    """

    def __init__(
        self,
        answer: Any = None,
        *,
        echo: bool = False,
        strips: bool = False,
        refuses_prefill: bool = False,
        restarts: bool = False,
        instruct: bool = False,
        changes: Any = False,
        reasoning: str = "",
        tool_calls: Sequence[Mapping[str, Any]] = (),
        delay: float = 0.0,
        name: str = "scripted",
    ) -> None:
        if answer is None:
            answer = "" if tool_calls else _ANSWER
        self.answer = _text(answer)
        self.name = name
        self._echo = echo
        self._strips = strips
        self._refuses_prefill = refuses_prefill
        self._restarts = restarts
        self._instruct = instruct
        self._later = self.answer if changes is False else _later(self.answer, changes)
        self._reasoning = reasoning
        self._calls = [_call(number, call) for number, call in enumerate(tool_calls)]
        self._delay = delay
        self._responses: dict[str, list[dict[str, Any]]] = {}
        self._count = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        try:
            return self._answered(request)
        except _Refused as refusal:
            error = {"message": str(refusal), "type": refusal.kind, "param": None, "code": None}
            return Answer.json({"error": error}, status=refusal.status)

    def _answered(self, request: Request) -> Answer:
        asked = (request.method, request.route.rpartition("/v1")[2])
        if request.method == "GET" and asked[1].startswith("/responses/"):
            return self._again(request)
        if asked not in {("POST", "/chat/completions"), ("POST", "/responses")}:
            raise _Refused(f"no such endpoint: {request.method} {request.path}", 404)
        if not isinstance(request.body, OBJECT):
            raise _Refused(f"the body must be a JSON object, and is {request.body!r:.80}")
        body: dict[str, Any] = request.body
        with self._lock:
            number = self._count
            self._count += 1
        if asked[1] == "/responses":
            name = f"resp_{number}"
            reply = self._reply(_messages_in(body), body, number)
            events = response_events(reply, name=name, model=self.name)
            if body.get("store", True):
                self._responses[name] = events
                self._responses.pop(f"resp_{number - _KEPT}", None)
            return response_answer(events, stream=bool(body.get("stream")), after=-1, delay=self._delay)
        if (body.get("n") or 1) != 1:
            raise _Refused("n must be 1")
        reply = self._reply(body.get("messages") or [], body, number)
        return chat_answer(reply, body, name=f"chatcmpl-{number}", model=self.name, delay=self._delay)

    def _again(self, request: Request) -> Answer:
        name = request.route.rpartition("/")[2]
        if name not in self._responses:
            raise _Refused(f"no response is stored as {name!r}", 404)
        return response_answer(
            self._responses[name],
            stream=request.query.get("stream") == "true",
            after=int(request.query.get("starting_after", -1)),
            delay=self._delay,
        )

    def _reply(self, messages: list[Any], body: dict[str, Any], number: int) -> Reply:
        answer = self._later if number else self.answer
        start, echo = self._continued(messages, answer)
        limit = next((body[name] for name in _LIMITS if body.get(name) is not None), None)
        if limit is not None and limit < 1:
            raise _Refused(f"the limit of tokens must be at least 1, and is {limit}")
        stop: Any = body.get("stop") or []
        return write_reply(
            answer,
            start,
            echo=echo if self._echo else "",
            reasoning="" if start else self._reasoning,
            calls=self._calls,
            limit=limit,
            stops=[stop] if isinstance(stop, str) else stop,
            prompt="\n".join([text_of(message.get("content")) for message in messages]),
        )

    def _continued(self, messages: list[Any], answer: str) -> tuple[int, str]:
        """Find where in the answer to go on, and what is repeated of it."""
        none: dict[str, Any] = {}
        before, last = (none, none, *messages)[-2:]
        if last.get("role") == "assistant":
            prefix = text_of(last.get("content"))
            if self._refuses_prefill:
                raise _Refused("the last message must be the user's: this model takes no prefill")
            if before.get("role") == "assistant" or not prefix:
                raise _Refused("the assistant's last message must be one, and not empty")
            given = prefix.rstrip() if self._strips else prefix
            if answer.startswith(given) and not self._restarts:
                return len(given), given
        elif self._instruct:
            partial = text_of(before.get("content")) if before.get("role") == "assistant" else ""
            if partial and answer.startswith(partial):
                return len(partial), ""
            return _end_of_quote(answer, text_of(last.get("content"))), ""
        return 0, ""


_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")


class _Refused(Exception):
    """An HTTP error instead of an answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.kind = "invalid_request_error"


def _messages_in(body: dict[str, Any]) -> list[Any]:
    """Give what a request to the Responses API says as messages."""
    said: Any = body.get("input") or []
    messages: list[Any] = said if isinstance(said, LIST) else [{"role": "user", "content": said}]
    instructions = body.get("instructions")
    return [{"role": "system", "content": instructions}, *messages] if instructions else messages


def _end_of_quote(answer: str, text: str) -> int:
    """Find how far into the answer the text quotes it; 0 if it does not."""
    for size in _TAILS:
        for end in range(len(answer), size - 1, -1):
            if answer[end - size : end] in text:
                return end
    return 0


def _later(answer: str, changes: Any) -> str:
    return " ".join(reversed(answer.split())) if changes is True else _text(changes)


def _text(answer: Any) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def _call(number: int, call: Mapping[str, Any]) -> ReplyCall:
    if "name" not in call:
        raise ValueError(
            f"ScriptedModel() expects a tool call to have a name, and arguments, and got {call!r}"
        )
    arguments = tokens_of(_text(call.get("arguments", {})))
    return ReplyCall(call.get("id", f"call_{number}"), call["name"], arguments)
