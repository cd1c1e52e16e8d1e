"""Bad arguments: every public function refuses them at once, in words that help."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import openai
import pytest

import rxstream as rxs
from rxstream.sansio.words import Words

ANSWER = rxs.from_stream(["a", "b"])
CLIENT = openai.AsyncOpenAI(api_key="none")


def asked(data: dict[str, Any]) -> Any:
    """Answer a request over a WebSocket."""
    return ANSWER


#: What each function cannot be called without.
NEEDED: dict[str, tuple[Any, ...]] = {
    "from_chat": (CLIENT,),
    "from_responses": (CLIENT,),
    "from_stream": (["a"],),
    "from_recording": ("01-prose",),
    "buffer_chars": (3,),
    "buffer_by": ("words",),
    "buffer_with": (Words,),
    "transform": (str.upper,),
    "replace_text": ("a", "b"),
    "redact": ("a",),
    "stop_at": ("a",),
    "parse_tags": ("a",),
    "from_streams": (ANSWER,),
    "merge_streams": (ANSWER,),
    "race_streams": (ANSWER,),
    "hedge_stream": (1.0,),
    "fallback_to": (ANSWER,),
    "map_stream": (str,),
    "share_stream": (3,),
    "backpressure": (3,),
    "open_stream": (ANSWER,),
    "collect": (ANSWER,),
    "to_list": (ANSWER,),
    "run": (ANSWER,),
    "iter_stream": (ANSWER,),
    "display_stream": (ANSWER,),
    "record_stream": ("recording.jsonl",),
    "sse_response": (ANSWER,),
    "from_sse": ("http://localhost/",),
    "from_websocket": ("ws://localhost/", {}),
    "open_websocket": ("ws://localhost/",),
    "serve_websocket": (None, asked),
    "lift": (Words,),
}
NAMED: dict[str, dict[str, Any]] = {
    "map_stream": {"max_concurrent": 2},
    "timeout_stream": {"first": 1.0},
    "measure_stream": {"on_metrics": print},
}

#: What takes anything: a value for JSON, and whatever is true or false.
ANYTHING = {("from_sse", "json")}


class Odd:
    """Nothing that anybody expects."""

    def __repr__(self) -> str:
        return "<odd>"


def parameters() -> Iterator[tuple[str, str]]:
    """Give every function with each of its parameters that does not take just anything."""
    for name in rxs.__all__:
        function = getattr(rxs, name)
        if inspect.isroutine(function) or name in {"Backoff", "LocalModel"}:
            for parameter in inspect.signature(function).parameters.values():
                if parameter.kind is parameter.VAR_KEYWORD or parameter.kind is parameter.VAR_POSITIONAL:
                    continue
                if parameter.annotation is not bool and (name, parameter.name) not in ANYTHING:
                    yield name, parameter.name


def call_with(name: str, parameter: str, value: Any) -> None:
    """Call a function with one argument in the place of a good one."""
    function: Callable[..., Any] = getattr(rxs, name)
    arguments = inspect.signature(function).bind(*NEEDED.get(name, ()), **NAMED.get(name, {}))
    arguments.arguments[parameter] = value
    result = function(*arguments.args, **arguments.kwargs)
    if inspect.iscoroutine(result):

        async def awaited() -> Any:
            return await result

        anyio.run(awaited)


@pytest.mark.parametrize(("name", "parameter"), list(parameters()))
def test_an_argument_of_the_wrong_type_is_told(name: str, parameter: str) -> None:
    with pytest.raises((TypeError, ValueError, rxs.UnknownName)) as caught:
        call_with(name, parameter, Odd())
    message = str(caught.value)
    assert name in message or parameter in message
    assert "<odd>" in message


@pytest.mark.parametrize(
    "name", ["open_stream", "collect", "to_list", "run", "iter_stream", "display_stream"]
)
def test_a_sink_says_its_own_name(name: str) -> None:
    with pytest.raises(TypeError, match=rf"^{name}\(\) expects an Observable and got <odd>\. Make one with "):
        call_with(name, "observable", Odd())
