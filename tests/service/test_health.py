"""Alive, ready, counted."""

import anyio
import pytest

from rxstream.testing import Answer
from tests.service.apps import ASK, served, told
from tests.service.test_metrics import read

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Ask from one event loop: it is the server that is tried, and ``test_app`` tries it on all."""
    return "asyncio"


def test_it_is_alive_and_ready_and_counts_without_a_client_s_words() -> None:
    with served(api_keys=["alpha"]) as service:
        client = service.client
        assert client.get("/health").json() == {"status": "healthy"}
        assert client.get("/ready").json() == {"status": "ready"}
        assert client.get("/metrics").status_code == 401
        client.headers["Authorization"] = "Bearer alpha"
        client.post("/v1/stream/raw", json=ASK)
        client.get('/v1/stream/evil-name"')
        client.get("/evil/path")
        client.request("BREW", "/health")
        response = client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "evil" not in response.text
    assert "BREW" not in response.text
    found = read(response.text)
    assert found['rxstream_requests_total{method="POST",route="/v1/stream/raw",status="200"}'] == 1
    assert found['rxstream_requests_total{method="GET",route="/v1/stream/{stream}",status="422"}'] == 1
    assert found['rxstream_requests_total{method="GET",route="none",status="404"}'] == 1
    assert found['rxstream_requests_total{method="other",route="/health",status="405"}'] == 1
    assert found['rxstream_streams_total{outcome="completed"}'] == 1
    assert found['rxstream_tokens_total{kind="completion"}'] > 5
    assert found["rxstream_time_to_first_content_seconds_count"] == 1
    assert found["rxstream_open_streams"] == 0


def test_it_is_not_ready_without_its_model_and_asks_once_a_second() -> None:
    with served(Answer.json({}, status=500)) as service:
        for _ in range(3):
            response = service.client.get("/ready")
            assert response.status_code == 503
            assert told(response)["message"] == "upstream: the model's server answers with status 500"
        assert len(service.upstream.requests) == 1
        assert service.client.get("/health").status_code == 200


async def test_it_is_not_ready_while_it_shuts_down() -> None:
    with served() as service:
        service.service.gate.closed = True
        response = await anyio.to_thread.run_sync(service.client.get, "/ready")
        assert "shutting down" in told(response)["message"]
        response = service.client.post("/v1/stream/raw", json=ASK)
        assert (response.status_code, told(response)["code"]) == (503, "shutting_down")
        assert response.headers["retry-after"] == "1"
