"""What stands around the routes, on bare ASGI."""

from typing import Any

import pytest

from rxstream.service.metrics import ServiceMetrics
from rxstream.service.middleware import Counted

pytestmark = pytest.mark.anyio


class Route:
    path = "/a/{b}"


@pytest.mark.parametrize(
    "given", [None, [], [(b"x-content-type-options", b"own")]], ids=["none", "empty", "own"]
)
async def test_a_request_is_counted_by_its_route(given: Any) -> None:
    metrics = ServiceMetrics(open_streams=lambda: 0, waiting=lambda: 0)
    sent: list[Any] = []

    async def app(scope: Any, _: Any, send: Any) -> None:
        scope["route"] = Route()
        start = {"type": "http.response.start", "status": 204}
        await send(start if given is None else {**start, "headers": given})
        await send({"type": "http.response.body", "body": b"x"})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    await Counted(app, metrics)({"type": "http", "method": "GET"}, receive, send)
    assert [value for name, value in sent[0]["headers"] if name == b"x-content-type-options"] == [
        b"own" if given else b"nosniff"
    ]
    assert 'rxstream_requests_total{method="GET",route="/a/{b}",status="204"} 1' in metrics.text()
    if given is not None:
        assert len(given) == bool(given)


@pytest.mark.parametrize("started", [True, False], ids=["late", "early"])
async def test_a_fault_is_counted_once(started: bool) -> None:
    metrics = ServiceMetrics(open_streams=lambda: 0, waiting=lambda: 0)

    async def app(_: Any, __: Any, send: Any) -> None:
        if started:
            await send({"type": "http.response.start", "status": 200})
        raise RuntimeError

    async def nothing(*_: Any) -> Any:
        """Be nothing."""

    with pytest.raises(RuntimeError):
        await Counted(app, metrics)({"type": "http", "method": "GET"}, nothing, nothing)
    status = 200 if started else 500
    assert f'rxstream_requests_total{{method="GET",route="none",status="{status}"}} 1\n' in metrics.text()
    assert metrics.text().count("rxstream_requests_total{") == 1


async def test_a_socket_passes() -> None:
    passed: list[str] = []

    async def app(scope: Any, *_: Any) -> None:
        passed.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        """Be nothing."""

    metrics = ServiceMetrics(open_streams=lambda: 0, waiting=lambda: 0)
    await Counted(app, metrics)({"type": "websocket"}, nothing, nothing)
    assert passed == ["websocket"]
