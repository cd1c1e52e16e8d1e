"""Plans: what is kept of a request is enough to go on with it elsewhere."""

from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rxstream as rxs
from rxstream.engine.resumable import ResumableObservable
from rxstream.service.plans import Plan
from rxstream.service.service import Service
from rxstream.service.settings import Settings
from rxstream.transports.log import StreamLog
from rxstream.transports.refusals import Refusal

pytestmark = pytest.mark.anyio

REQUEST = {"messages": [{"role": "user", "content": "Hi"}]}


class Chunks:
    """A client of another make, whose model always says the same."""

    def __init__(self, *chunks: dict[str, Any]) -> None:
        async def create(**_: Any) -> Any:
            return list(chunks)

        self.chat = type(
            "Chat", (), {"completions": type("Completions", (), {"create": staticmethod(create)})}
        )


def service(client: Any) -> Service:
    return Service(Settings(model="m"), log=StreamLog.memory(), client=client)


def delta(content: str, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None, **more}]}


@given(
    kind=st.sampled_from(["raw", "buffered", "json", "completion"]),
    option=st.none() | st.booleans() | st.text(max_size=5),
    text=st.text(),
)
def test_what_is_kept_is_the_plan(kind: str, option: Any, text: str) -> None:
    plan = Plan(kind, "rxstream", {"messages": [text]}, option)
    assert Plan.of(plan.meta) == plan


def test_where_nothing_was_kept_there_is_no_plan() -> None:
    assert Plan.of({"dialect": "openai"}) is None


async def test_usage_is_left_out_where_nobody_asked_for_it() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    client = Chunks(
        delta("Hi"),
        {**delta(""), "usage": usage},
        delta("", finish_reason="stop"),
        {"choices": [], "usage": usage},
    )
    for option, counts in ((False, 0), (True, 2)):
        plan = Plan("completion", "openai", REQUEST, option)
        chunks = await rxs.to_list(plan.observable(service(client), None))
        assert "".join(chunk.content for chunk in chunks) == "Hi"
        assert chunks[-1].finish_reason == "stop" or option
        assert len([chunk for chunk in chunks if chunk.usage is not None]) == counts


@pytest.mark.parametrize(
    ("kind", "option"), [("raw", None), ("completion", False), ("completion", True)], ids=str
)
def test_chunks_can_be_gone_on_with_by_the_model_itself(kind: str, option: Any) -> None:
    with_client = service(openai.AsyncOpenAI(api_key="x"))
    plan = Plan(kind, "openai", REQUEST, option)
    assert isinstance(plan.observable(with_client, None), ResumableObservable)


def test_a_path_that_is_none_is_refused() -> None:
    with pytest.raises(Refusal, match="at: "):
        Plan("json", "rxstream", REQUEST, "$[").observable(service(Chunks()), None)


@pytest.mark.parametrize("dialect", ["rxstream", "ui-message"])
def test_some_dialects_carry_objects(dialect: str) -> None:
    Plan("json", dialect, REQUEST).check()


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_others_do_not(dialect: str) -> None:
    with pytest.raises(Refusal, match="no place for JSON"):
        Plan("json", dialect, REQUEST).check()
