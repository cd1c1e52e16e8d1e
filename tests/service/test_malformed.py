"""Requests that nobody sends by mistake: of the OpenAPI document by schemathesis, of bytes by Hypothesis.

Whatever comes, the answer is one that the document knows: no crash, no 500, and nothing stays behind.
``RXSTREAM_MALFORMED`` says how many: with 2,500 they are more than 10,000 in all, which takes some minutes.
"""

import json
import os
import socket
import threading
from collections.abc import Generator
from contextlib import nullcontext, suppress
from typing import Any

import anyio
import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks

from rxstream.testing import Answer, Request
from tests.service.apps import ASK, Served, served, told, until

#: In CI there is little time.
MANY = int(os.environ.get("RXSTREAM_MALFORMED", "24"))

MODELS = Answer.json({"object": "list", "data": [{"id": "m", "object": "model"}]})
_known: Any = checks
CHECKS: list[Any] = [
    _known.not_a_server_error,
    _known.status_code_conformance,
    _known.content_type_conformance,
    _known.response_schema_conformance,
    _known.response_headers_conformance,
    _known.negative_data_rejection,
]
_health: Any = HealthCheck

_limits = settings(max_examples=MANY, deadline=None, suppress_health_check=list(_health), derandomize=True)


def unmoved(request: Request) -> Answer:
    """Answer anything with the same: it is the service that is tried here."""
    if request.route.endswith("/models"):
        return MODELS
    choices: int = request.body.get("n") or 1
    said = [
        {"choices": [{"index": number, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
        for number in range(choices)
    ]
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return Answer.events(*said, {"choices": [], "usage": usage})


@pytest.fixture(scope="module")
def service() -> Generator[Served]:
    threads = threading.active_count()
    with served(unmoved, max_wait=0.2, heartbeat=1.0, grace=0.5, retry_attempts=1) as found:
        yield found
        assert found.client.post("/v1/stream/raw", json=ASK).status_code == 200
        one = found.service
        anyio.run(until, lambda: not (one.gate.inside or one.gate.waiting or len(one.responses)))
    assert threading.active_count() <= threads


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_what_the_document_allows_and_forbids_is_answered_as_it_says(
    service: Served, mode: GenerationMode
) -> None:
    schema: Any = schemathesis.openapi.from_dict(service.app.openapi())
    session = requests.Session()
    for result in schema.get_all_operations():
        operation = result.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(_limits, max_examples=max(3, MANY // 8))
        def ask(case: Any) -> None:
            response = case.call(base_url=service.url, session=session, timeout=10)
            case.validate_response(response, checks=CHECKS)

        # Of some there is nothing that could be wrong.
        with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
            ask()
    session.close()


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_VALUES: st.SearchStrategy[Any] = st.deferred(
    lambda: (
        _SCALARS | st.lists(_VALUES, max_size=3) | st.dictionaries(st.text(max_size=8), _VALUES, max_size=3)
    )
)
_NAMES = (
    "messages model stop tools n stream stream_options at buffer_type stream_id resumable id parts seed "
    "max_tokens response_format temperature trigger"
)
_FIELDS = st.sampled_from(_NAMES.split())
_BODIES = st.one_of(
    st.binary(max_size=64),
    _VALUES.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(_FIELDS, _VALUES, max_size=4).map(lambda more: json.dumps({**ASK, **more}).encode()),
)
_PATHS = st.sampled_from(
    ["/v1/stream/raw", "/v1/stream/buffered", "/v1/stream/json", "/v1/chat", "/v1/chat/completions"]
)


@given(
    path=_PATHS,
    body=_BODIES,
    query=st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=10),
)
@_limits
def test_no_body_is_too_strange(service: Served, path: str, body: bytes, query: str) -> None:
    response = service.client.post(
        httpx2.URL(path, params={"dialect": query} if len(query) % 3 == 1 else {}),
        content=body,
        headers={"Content-Type": "application/json", "Last-Event-ID": query.strip()},
    )
    assert response.status_code < 500
    if response.status_code >= 400:
        told(response)


@given(st.lists(st.binary(max_size=40), max_size=6))
@settings(_limits, max_examples=max(20, MANY // 3))
def test_no_bytes_are_too_strange(service: Served, pieces: list[bytes]) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    head = b"POST /v1/stream/raw HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        try:
            connection.sendall(head + b"\r\n".join(pieces) + b"\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            return
    assert not answer.startswith(b"HTTP/1.1 5")
