"""Every client: the SDK's, as it was set up, and those that only look like one."""

import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import anyio
import httpx2
import openai
import pytest
from anyio.to_thread import run_sync
from openai._streaming import SSEDecoder
from pydantic import BaseModel

import rxstream as rxs
from rxstream.errors import ProviderError, StreamTruncated
from rxstream.testing import Answer, FaultServer
from tests.recordings import load
from tests.sources.clients import ASK, NO_TLS, Kind, chunks_until_error, connected, replay
from tests.sources.test_blocking import threads_reading
from tests.sources.test_chat import END, HELLO

pytestmark = [
    pytest.mark.anyio,
    # The SDK's own iterator leaves generators open at [DONE], which trio reports.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]

both_kinds = pytest.mark.parametrize("kind", ["async", "sync"])

OK = Answer((*HELLO, *END))
LIMITED = Answer(
    (b'{"error":{"message":"slow down"}}',), status="429 Too Many", headers=(("Retry-After", "0.01"),)
)
BROKEN = Answer((b"oops",), status="500 Broken", headers=(("retry-after-ms", "1"),))


def json_error(status: str) -> Answer:
    headers = (("Content-Type", "application/json"),)
    return Answer((b'{"error":{"message":"no","code":"why"}}',), status=status, headers=headers)


async def content_of(answer: Any) -> str:
    return (await rxs.collect(answer)).content


# ---------------------------------------------------------------- the SDK's clients, as they are set up


@both_kinds
@pytest.mark.parametrize("refusal", [LIMITED, BROKEN])
async def test_what_fails_before_the_answer_is_tried_again_as_often_as_the_client_says(
    kind: Kind, refusal: Answer
) -> None:
    with FaultServer(refusal, refusal, OK) as server:
        async with connected(kind, server, max_retries=2) as client:
            assert await content_of(rxs.from_chat(client, **ASK)) == "Hello"
    assert len(server.requests) == 3
    assert server.requests[2].headers["x-stainless-retry-count"] == "2"


@both_kinds
@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("400 Bad", openai.BadRequestError),
        ("401 Who", openai.AuthenticationError),
        ("404 Where", openai.NotFoundError),
        ("429 Slow", openai.RateLimitError),
        ("500 Broken", openai.InternalServerError),
    ],
)
async def test_a_refused_request_is_the_sdks_own_error(
    kind: Kind, status: str, error: type[Exception]
) -> None:
    with FaultServer(json_error(status)) as server:
        async with connected(kind, server) as client:
            chunks, raised = await chunks_until_error(rxs.from_chat(client, **ASK))
    assert chunks == []
    assert type(raised) is error
    assert isinstance(raised, openai.APIStatusError)
    assert raised.code == "why"
    assert len(server.requests) == 1


@both_kinds
@pytest.mark.parametrize("name", ["12-error-context", "13-error-n", "20-error-401"])
async def test_a_recorded_refusal_is_the_sdks_own_error(kind: Kind, name: str) -> None:
    recording = load(name)
    with FaultServer(replay(recording)) as server:
        async with connected(kind, server) as client:
            _, raised = await chunks_until_error(rxs.from_chat(client, **ASK))
    assert isinstance(raised, openai.APIStatusError)
    assert raised.status_code == recording.status


@both_kinds
async def test_a_refused_connection_is_the_sdks_own_error(kind: Kind) -> None:
    with FaultServer(OK) as server:
        pass
    async with connected(kind, server) as client:
        _, raised = await chunks_until_error(rxs.from_chat(client, **ASK))
    assert type(raised) is openai.APIConnectionError


@both_kinds
async def test_no_headers_within_the_timeout_is_the_sdks_own_error(kind: Kind) -> None:
    with FaultServer(Answer((*HELLO, *END), delay=30.0)) as server:
        async with connected(kind, server, timeout=0.1) as client:
            _, raised = await chunks_until_error(rxs.from_chat(client, **ASK))
            server.closed()
    assert type(raised) is openai.APITimeoutError


@both_kinds
async def test_with_options_counts(kind: Kind) -> None:
    with FaultServer(LIMITED, OK) as server:
        async with connected(kind, server, timeout=0.001) as client:
            patient = client.with_options(timeout=10.0, max_retries=1, default_headers={"X-Team": "blue"})
            assert await content_of(rxs.from_chat(patient, **ASK)) == "Hello"
    assert [request.headers["x-team"] for request in server.requests] == ["blue", "blue"]


@both_kinds
async def test_options_of_the_request_count(kind: Kind) -> None:
    with FaultServer(OK) as server:
        async with connected(kind, server) as client:
            answer = rxs.from_chat(
                client, **ASK, extra_headers={"X-Team": "red"}, extra_body={"grammar": "root"}, timeout=5.0
            )
            assert await content_of(answer) == "Hello"
    (request,) = server.requests
    assert request.headers["x-team"] == "red"
    assert request.headers["authorization"] == "Bearer key"
    assert request.body["grammar"] == "root"


@both_kinds
async def test_the_path_of_the_base_url_counts(kind: Kind) -> None:
    with FaultServer(OK) as server:
        async with connected(kind, server, base_url=f"{server.url}/gateway/eu/v1") as client:
            await content_of(rxs.from_chat(client, **ASK))
    assert server.requests[0].path == "/gateway/eu/v1/chat/completions"


async def test_an_http_client_of_the_users_own_is_used() -> None:
    seen: list[str] = []

    async def hook(request: httpx2.Request) -> None:
        seen.append(request.url.path)

    http_client = httpx2.AsyncClient(
        headers={"X-Team": "green"}, event_hooks={"request": [hook]}, verify=NO_TLS
    )
    with FaultServer(OK) as server:
        async with connected("async", server, http_client=http_client) as client:
            assert await content_of(rxs.from_chat(client, **ASK)) == "Hello"
    assert seen == ["/v1/chat/completions"]
    assert server.requests[0].headers["x-team"] == "green"


@both_kinds
async def test_azure_has_its_own_path_and_key(kind: Kind) -> None:
    with FaultServer(OK) as server:
        options: dict[str, Any] = {
            "azure_endpoint": server.url,
            "api_version": "2030-01-01",
            "api_key": "azure-key",
            "max_retries": 0,
        }
        answer: Any
        if kind == "async":
            http_client = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
            async with openai.AsyncAzureOpenAI(**options, http_client=http_client) as client:
                answer = await content_of(rxs.from_chat(client, **{**ASK, "model": "my-deployment"}))
        else:
            with openai.AzureOpenAI(
                **options, http_client=openai.DefaultHttpxClient(verify=NO_TLS)
            ) as client:
                answer = await content_of(rxs.from_chat(client, **{**ASK, "model": "my-deployment"}))
    assert answer == "Hello"
    (request,) = server.requests
    assert request.path == "/openai/deployments/my-deployment/chat/completions?api-version=2030-01-01"
    assert request.headers["api-key"] == "azure-key"
    assert "authorization" not in request.headers


# ---------------------------------------------------------------- clients whose answers are no event streams


class OtherFrames:
    """As Amazon's: what its client decodes is its own business."""

    def iter_bytes(self, iterator: Iterator[bytes]) -> Iterator[Any]:
        return SSEDecoder().iter_bytes(piece.replace(b"AWS", b"data: ") for piece in iterator)

    async def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        async def unpacked() -> AsyncIterator[bytes]:
            async for piece in iterator:
                yield piece.replace(b"AWS", b"data: ")

        async for found in SSEDecoder().aiter_bytes(unpacked()):
            yield found


class AsyncOther(openai.AsyncOpenAI):
    def _make_sse_decoder(self) -> Any:
        return OtherFrames()


class Other(openai.OpenAI):
    def _make_sse_decoder(self) -> Any:
        return OtherFrames()


def other(kind: Kind, server: FaultServer) -> Any:
    if kind == "async":
        http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
        return AsyncOther(base_url=server.base_url, api_key="key", max_retries=0, http_client=http)
    return Other(
        base_url=server.base_url,
        api_key="key",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(verify=NO_TLS),
    )


OTHER_WIRE = [piece.replace(b"data: ", b"AWS") for piece in (*HELLO, *END)]


@both_kinds
async def test_a_client_with_other_frames_decodes_them_itself(kind: Kind) -> None:
    with FaultServer(OK, Answer(OTHER_WIRE)) as server:
        async with connected(kind, server) as client:
            plain = await rxs.to_list(rxs.from_chat(client, **ASK))
        client = other(kind, server)
        assert await rxs.to_list(rxs.from_chat(client, **ASK)) == plain
        if kind == "async":
            await client.close()
        else:
            client.close()


@both_kinds
async def test_leaving_a_client_with_other_frames_closes_its_connection(kind: Kind) -> None:
    with FaultServer(Answer(OTHER_WIRE[:3], end="stall")) as server:
        client = other(kind, server)
        with anyio.move_on_after(0.2) as scope:
            await rxs.to_list(rxs.from_chat(client, **ASK))
        assert scope.cancelled_caught
        server.closed()
        assert threads_reading() == 0
        if kind == "async":
            await client.close()
        else:
            client.close()


@both_kinds
async def test_a_client_with_other_frames_that_is_cut_off_is_found_out(kind: Kind) -> None:
    with FaultServer(Answer(OTHER_WIRE[:3])) as server:
        client = other(kind, server)
        _, error = await chunks_until_error(rxs.from_chat(client, **ASK))
        assert isinstance(error, StreamTruncated)
        assert error.partial.content == "Hello"
        if kind == "async":
            await client.close()
        else:
            client.close()


# ---------------------------------------------------------------- clients that only look like one


def client_with(create: Any) -> Any:
    return SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))


def client_giving(answer: Iterable[Any]) -> Any:
    """One with a synchronous ``create`` that returns this."""

    def create(**_: Any) -> Iterable[Any]:
        return answer

    return client_with(create)


def simple(content: str | None, finish_reason: str | None = None) -> SimpleNamespace:
    choice = SimpleNamespace(index=0, delta=SimpleNamespace(content=content), finish_reason=finish_reason)
    return SimpleNamespace(id="a", model="m", choices=[choice])


class Delta(BaseModel):
    content: str | None = None
    role: str | None = None


class Choice(BaseModel):
    finish_reason: str | None = None
    index: int = 0
    delta: Delta
    logprobs: None = None


class ModelResponseStream(BaseModel):
    """Shaped as LiteLLM's."""

    id: str
    model: str
    object: str = "chat.completion.chunk"
    choices: list[Choice]
    citations: None = None


def litellm(content: str | None, finish_reason: str | None = None) -> ModelResponseStream:
    return ModelResponseStream(
        id="a", model="m", choices=[Choice(finish_reason=finish_reason, delta=Delta(content=content))]
    )


def as_dict(content: str | None, finish_reason: str | None = None) -> dict[str, Any]:
    return {
        "id": "a",
        "model": "m",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}],
    }


def mocked(content: str | None, finish_reason: str | None = None) -> Any:
    delta = MagicMock(content=content, role=None, tool_calls=None)
    choice = MagicMock(index=0, delta=delta, finish_reason=finish_reason)
    return MagicMock(id="a", model="m", choices=[choice], usage=None)


shapes = pytest.mark.parametrize("make", [simple, litellm, as_dict, mocked])


@shapes
async def test_an_async_create_will_do(make: Any) -> None:
    asked: list[dict[str, Any]] = []

    async def create(**request: Any) -> AsyncIterator[Any]:
        asked.append(request)

        async def answer() -> AsyncIterator[Any]:
            yield make("Hel")
            yield make("lo")
            yield make(None, "stop")

        return answer()

    result = await rxs.collect(rxs.from_chat(client_with(create), **ASK))
    assert (result.content, result.finish_reason, result.model) == ("Hello", "stop", "m")
    assert asked == [{**ASK, "stream": True, "stream_options": {"include_usage": True}}]


@shapes
async def test_a_sync_create_works_in_a_thread(make: Any) -> None:
    threads: list[threading.Thread] = []

    def create(**_: Any) -> Iterator[Any]:
        threads.append(threading.current_thread())
        return answer()

    def answer() -> Iterator[Any]:
        threads.append(threading.current_thread())
        yield from (make("Hel"), make("lo"), make(None, "stop"))

    assert await content_of(rxs.from_chat(client_with(create), **ASK)) == "Hello"
    assert len(threads) == 2
    assert threading.main_thread() not in threads


async def test_a_list_will_do() -> None:
    client = client_giving([simple("Hello"), simple(None, "stop")])
    assert await content_of(rxs.from_chat(client, **ASK)) == "Hello"


async def test_mocks_will_do() -> None:
    client = MagicMock()
    client.chat.completions.create.return_value = iter([mocked("Hello"), mocked(None, "stop")])
    assert await content_of(rxs.from_chat(client, **ASK)) == "Hello"
    client.chat.completions.create.assert_called_once()

    client = MagicMock(spec=openai.AsyncOpenAI)
    client.chat.completions.create = AsyncMock(return_value=iter([mocked("Hello"), mocked(None, "stop")]))
    assert await content_of(rxs.from_chat(client, **ASK)) == "Hello"
    client.chat.completions.create.assert_awaited_once()


@shapes
async def test_an_answer_without_a_finish_reason_is_truncated_here_too(make: Any) -> None:
    _, error = await chunks_until_error(rxs.from_chat(client_giving([make("Hel")]), **ASK))
    assert isinstance(error, StreamTruncated)
    assert error.partial.content == "Hel"


async def test_an_empty_answer_is_truncated_here_too() -> None:
    _, error = await chunks_until_error(rxs.from_chat(client_giving([]), **ASK))
    assert isinstance(error, StreamTruncated)


async def test_an_error_among_dicts_is_the_providers() -> None:
    client = client_giving([as_dict("Hel"), {"error": {"message": "no", "code": "why"}}])
    _, error = await chunks_until_error(rxs.from_chat(client, **ASK))
    assert isinstance(error, ProviderError)
    assert (error.code, error.partial.content) == ("why", "Hel")


async def test_an_error_of_create_comes_unchanged() -> None:
    error = RuntimeError("no")

    def create(**_: Any) -> Any:
        raise error

    _, raised = await chunks_until_error(rxs.from_chat(client_with(create), **ASK))
    assert raised is error


async def test_what_create_returns_too_late_is_closed() -> None:
    entered, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    class Late:
        def close(self) -> None:
            closed.set()

    def create(**_: Any) -> Any:
        entered.set()
        assert go_on.wait(10)
        return Late()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(rxs.to_list, rxs.from_chat(client_with(create), **ASK))
        assert await run_sync(entered.wait, 10)
        tasks.cancel_scope.cancel()
    assert not closed.is_set()
    go_on.set()
    assert closed.wait(10)


async def test_leaving_a_sync_generator_closes_it() -> None:
    closed: list[bool] = []

    def answer() -> Iterator[Any]:
        try:
            while True:
                yield simple("a")
        finally:
            closed.append(True)

    async with rxs.open_stream(rxs.from_chat(client_giving(answer()), **ASK)) as items:
        async for _ in items:
            break
    assert closed == [True]


@pytest.mark.parametrize("client", [None, "gpt-4o", object(), SimpleNamespace(chat=None)])
def test_what_is_no_client_is_refused_at_once(client: Any) -> None:
    with pytest.raises(TypeError, match=r"from_chat\(\) expects a client of the openai package"):
        rxs.from_chat(client, **ASK)
    with pytest.raises(TypeError, match=r"from_responses\(\) expects a client of the openai package"):
        rxs.from_responses(client, model="any", input="hi")


async def test_an_sdk_that_has_lost_its_decoder_still_iterates() -> None:
    client = MagicMock(spec=openai.AsyncOpenAI)
    del client._make_sse_decoder
    client.chat.completions.create = AsyncMock(return_value=iter([simple("Hello"), simple(None, "stop")]))
    assert await content_of(rxs.from_chat(client, **ASK)) == "Hello"
