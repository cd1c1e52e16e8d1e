"""The application as a whole: its arguments, its one shape of errors, its beginning and its end."""

import json
import subprocess
import sys
import warnings
from typing import Any

import anyio
import httpx2
import openai
import pytest
from anyio import create_task_group

from rxstream.service import create_app
from rxstream.transports.log import StreamLog
from tests.service.apps import ASK, LONG, MODEL, Served, app_of, events_of, served, told, until
from tests.sources.clients import NO_TLS
from tests.transports.servers import SERVERS, ServerName, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Ask from one event loop: it is the server that is tried, and ``test_app`` tries it on all."""
    return "asyncio"


URL = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"client": object(), "base_url": URL}, TypeError, "not both"),
        ({"base_url": URL, "api_keys": "secret"}, TypeError, "api_keys"),
        ({"base_url": URL, "api_keys": 3}, TypeError, "api_keys"),
        ({"base_url": URL, "max_concurrent": 0}, ValueError, "max_concurrent"),
        ({"base_url": URL, "fallback_clients": [object()]}, ValueError, "fallback_models"),
    ],
    ids=["both", "a text", "a number", "nobody", "nothing to ask"],
)
def test_wrong_arguments_are_told_at_once(options: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        create_app(**options)


def test_a_provider_nobody_named_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(openai.OpenAIError):
        create_app()
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    create_app()


@pytest.fixture(scope="module")
def service() -> Any:
    with served(
        allowed_origins=["https://shop.example"], max_body=2000, max_messages=3, max_depth=8
    ) as found:
        yield found


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/health", 405),
        ("GET", "/v1/stream/raw/", 404),
        ("PUT", "/v1/stream/raw", 405),
        ("GET", "/v1/stream/way$too%20strange", 422),
        ("GET", "/v1/stream/x?after=-1", 422),
        ("GET", "/v1/stream/x?after=nine", 422),
        ("POST", "/v1/stream/raw?dialect=klingon", 422),
        ("POST", "/v1/stream/raw", 415),
    ],
    ids=str,
)
def test_errors_have_one_shape(service: Served, method: str, path: str, status: int) -> None:
    response = service.client.request(method, path)
    assert response.status_code == status
    assert told(response)["type"]
    assert response.headers["x-content-type-options"] == "nosniff"
    if status == 405:
        assert response.headers["allow"]


def test_limits_hold(service: Served) -> None:
    post = service.client.post
    long = {"messages": [{"role": "user", "content": "x" * 2000}]}
    assert post("/v1/stream/raw", json=long).status_code == 413
    many = {"messages": ASK["messages"] * 4}
    assert told(post("/v1/stream/raw", json=many))["code"] == "too_many_messages"
    assert told(post("/v1/chat/completions", json=many))["code"] == "too_many_messages"
    deep: Any = "x"
    for _ in range(10):
        deep = [deep]
    assert told(post("/v1/stream/raw", json={**ASK, "tools": deep}))["code"] == "too_deep"


async def test_a_long_body_without_a_length_is_refused_before_it_has_all_come(service: Served) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    sent, answer = 0, b""
    async with await anyio.connect_tcp(host, int(port)) as stream:
        await stream.send(
            b"POST /v1/stream/raw HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        with anyio.move_on_after(5) as patience:
            try:
                while sent < 50_000_000:
                    await stream.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
                    sent += 1024
                    with anyio.move_on_after(0.001):
                        answer = await stream.receive()
                        break
            except anyio.BrokenResourceError:
                answer = b"HTTP/1.1 413"
    assert not patience.cancelled_caught
    assert answer.startswith(b"HTTP/1.1 413")
    assert sent < 5_000_000


def test_a_page_elsewhere_may_ask_if_it_is_allowed_to(service: Served) -> None:
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, authorization, last-event-id",
    }
    allowed = service.client.options("/v1/stream/raw", headers=asked)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    refused = service.client.options("/v1/stream/raw", headers={**asked, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in refused.headers
    response = service.client.post("/v1/stream/raw", json=ASK, headers={"Origin": "https://shop.example"})
    assert "X-Stream-Id" in response.headers["access-control-expose-headers"]


def test_trap_22_nan_and_depth_never_reach_a_parser_that_falls_over_them(service: Served) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (b'{"messages": NaN}', b'{"a":' + b"[" * 900 + b"]" * 900 + b"}"):
        response = service.client.post("/v1/stream/raw", content=body, headers=headers)
        assert (response.status_code, told(response)["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("server", SERVERS)
def test_every_server_will_do(server: ServerName) -> None:
    with served(server=server) as service:
        response = service.client.post("/v1/stream/buffered", json=ASK)
        assert events_of(response.text)[-1].event == "done"
        # Trap 26: HTTP/2 has no such header.
        assert "keep-alive" not in response.headers.get("connection", "")
        assert service.client.post("/v1/chat/completions", json=ASK).json()["object"] == "chat.completion"


def test_two_applications_share_nothing() -> None:
    with served() as one, served() as other:
        made = one.client.post("/v1/stream/raw", json=ASK)
        path = f"/v1/stream/{made.headers['x-stream-id']}"
        assert one.client.get(path).status_code == 200
        assert other.client.get(path).status_code == 404
        assert 'route="/v1/stream/raw"' not in other.client.get("/metrics").text
        one.service.gate.closed = True
        assert other.client.post("/v1/stream/raw", json=ASK).status_code == 200


async def test_routes_are_made_before_anybody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """FastAPI makes one between two changes of the filters of warnings, which all threads share."""
    changes: list[None] = []

    enter: Any = warnings.catch_warnings.__enter__

    def noted(filters: Any) -> Any:
        changes.append(None)
        return enter(filters)

    monkeypatch.setattr(warnings.catch_warnings, "__enter__", noted)
    app = app_of(URL)
    assert changes
    changes.clear()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://here") as client:
        assert (await client.get("/nothing")).status_code == 404
        assert (await client.get("/v1/stream/x")).status_code == 404
    assert changes == []


async def test_trap_28_streams_are_ended_before_the_server_stops() -> None:
    bodies: dict[bool, str] = {}
    with served() as service:
        async with service.http() as http, create_task_group() as tasks:

            async def read(resumable: bool) -> None:
                ask = {**ASK, "model": "slow", "resumable": resumable}
                bodies[resumable] = (await http.post("/v1/stream/raw", json=ask)).text

            tasks.start_soon(read, True)
            tasks.start_soon(read, False)
            await until(lambda: service.service.gate.inside == 2)
            await anyio.sleep(0.1)
            await anyio.to_thread.run_sync(service.drain, 0.0)
        assert service.service.gate.inside == 0
    for body in bodies.values():
        last = events_of(body)[-1]
        assert last.event == "error"
        assert json.loads(last.data)["error"]["code"] == "shutdown"


async def test_an_answer_has_some_time_to_end_at_a_shutdown() -> None:
    texts: list[str] = []
    with served() as service:
        async with service.http() as http, create_task_group() as tasks:

            async def read() -> None:
                texts.append((await http.post("/v1/stream/raw", json={**ASK, "model": "slow"})).text)

            tasks.start_soon(read)
            await until(lambda: service.service.gate.inside == 1)
            await anyio.to_thread.run_sync(service.drain, 10.0)
    assert events_of(texts[0])[-1].event == "done"
    assert LONG.rpartition(" ")[2] in texts[0]


def test_an_application_makes_and_closes_a_client_of_its_own() -> None:
    with served() as behind:
        app = create_app(base_url=behind.upstream.base_url, model=MODEL, page=False)
        with serving(app) as url, httpx2.Client(base_url=url, verify=NO_TLS) as client:
            assert client.post("/v1/stream/raw", json=ASK).status_code == 200
            own = app.state.service.upstream.client
        assert own.is_closed()


class Fallen(StreamLog):
    """A log whose disk is gone."""

    def __init__(self) -> None:
        super().__init__(max_events=1, max_bytes=1, max_age=1)

    async def _fail(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("secret: /var/lib/log is gone")

    create = adopt = info = stop = delete = _fail

    def read(self, stream: str, after: int = 0) -> Any:
        raise NotImplementedError

    async def aclose(self) -> None:
        """Let go."""


def test_a_fault_of_ours_has_the_one_shape_and_no_words() -> None:
    errors: list[BaseException] = []
    app = app_of(URL, log=Fallen())
    with serving(app, errors=errors) as url, httpx2.Client(base_url=url, verify=NO_TLS) as client:
        response = client.get("/v1/stream/x")
        assert (response.status_code, told(response)["code"]) == (500, "internal_error")
        assert "secret" not in response.text
    assert len(errors) == 1


def test_docs_are_there_or_not() -> None:
    with served(docs=False) as service:
        assert service.client.get("/openapi.json").status_code == 404
        assert service.client.get("/docs").status_code == 404


def test_without_its_extra_the_service_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['fastapi'] = None\n"
        "import rxstream.service\n"
        "try: rxstream.service.create_app\n"
        "except ModuleNotFoundError as error: print(error)\n"
        "try: rxstream.service.nonsense\n"
        "except AttributeError as error: print(error)"
    )
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "pip install 'rxstream[server]'" in found.stdout
    assert "no attribute 'nonsense'" in found.stdout
