"""Models behind the service that do what the embedded one cannot: refuse, break off, call tools, wait."""

from collections.abc import Callable
from typing import Any, Final

from rxstream.testing import Answer, Fault, FaultServer, Request, ScriptedModel

__all__ = ("CALLS", "PAUSE", "TEXT", "Upstream")

#: Two paragraphs, with what is more than one byte, and more than one UTF-16 unit, in them.
TEXT: Final = (
    "Le fleuve était là avant nous — il ne se presse pas. 水は流れる。\n\n"
    "People come to its edge 🌊, stand still for a while, and go home with lighter hearts."
)

CALLS: Final = (
    {"id": "call_a", "name": "get_weather", "arguments": {"city": "Zürich", "days": 3}},
    {"id": "call_b", "name": "get_weather", "arguments": {"city": "東京", "days": 1}},
)

#: Seconds in which the model "waits" says nothing: several of the service's heartbeats.
PAUSE: Final = 0.4

#: An answer of a second and a half, so that there is a middle to come back to.
_LONG: Final = " ".join(f"word{number}" for number in range(60))

#: One of half a minute, for who is to stop it: a busy machine may take longer to do so than the other lasts.
_ENDLESS: Final = " ".join(f"word{number}" for number in range(1500))


class Upstream(FaultServer):
    """Serve a model for each thing that may happen; a request names the one that it wants as ``model``."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.long = _LONG
        self.endless = _ENDLESS
        quick = ScriptedModel(TEXT)
        self._models: dict[str, Callable[[Request], Answer]] = {
            "quick": quick,
            "slow": ScriptedModel(_LONG, delay=0.02),
            "rambles": ScriptedModel(_ENDLESS, delay=0.02),
            "thinks": ScriptedModel(TEXT, reasoning="First the river, then the people."),
            "calls": ScriptedModel(tool_calls=CALLS),
            "waits": lambda request: Fault.stall(after_events=4, seconds=PAUSE).apply(quick(request)),
            # However often it is asked, and whatever of the answer it is to go on with.
            "breaks": lambda request: Fault.error_frame(
                after_events=6, code="invalid_request_error", message="the model fell over"
            ).apply(quick(request)),
            "refuses": lambda _: Answer.json(
                {"error": {"message": "no such thing here", "type": "invalid_request_error", "code": "nope"}},
                status=400,
            ),
            "cut once": self._cut_once(quick),
        }

    def asked(self, text: str) -> Request:
        """Give the latest request whose last message is ``text``."""
        for request in reversed(self.requests):
            body: Any = request.body
            if isinstance(body, dict) and _last_text(body) == text:  # pyright: ignore[reportUnknownArgumentType]
                return request
        raise AssertionError(f"nobody asked {text!r}")

    def is_left(self, text: str, within: float = 2.0) -> bool:
        """Tell whether the request is left by who has sent it, before the model has written all of it."""
        connection = self.asked(text).connection
        return connection.closed.wait(within) and connection.closed_by in {"fin", "rst"}

    def _answer(self, request: Request) -> Answer:
        if request.route.endswith("/models"):
            return Answer.json(
                {"object": "list", "data": [{"id": name, "object": "model"} for name in self._models]}
            )
        body: Any = request.body
        return self._models[body["model"]](request)

    @staticmethod
    def _cut_once(model: ScriptedModel) -> Callable[[Request], Answer]:
        """Break off the first answer to each question, in its middle; what goes on with it is whole."""

        def answer(request: Request) -> Answer:
            body: Any = request.body
            whole = model(request)
            is_first = body["messages"][-1]["role"] == "user"
            return Fault.reset(after_events=8).apply(whole) if is_first else whole

        return answer


def _last_text(body: dict[str, Any]) -> str:
    messages: list[dict[str, Any]] = body.get("messages") or [{}]
    return str(messages[-1].get("content"))
