"""The OpenAPI document."""

from typing import Any

import pytest
from fastapi import FastAPI

from rxstream.sansio.wire import LIST, OBJECT
from tests.service.apps import app_of

URL = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return app_of(URL, api_keys=["alpha"]).openapi()


def references(value: Any) -> set[str]:
    found: set[str] = set()
    if isinstance(value, OBJECT):
        if isinstance(value.get("$ref"), str):
            found.add(value["$ref"])
        for one in value.values():
            found |= references(one)
    elif isinstance(value, LIST):
        for one in value:
            found |= references(one)
    return found


def test_whatever_is_referred_to_is_there(document: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= known
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_operation_says_what_it_does_and_needs(document: dict[str, Any]) -> None:
    open_to_all = {"/health", "/ready"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], path
            assert ("401" in operation["responses"]) == (path not in open_to_all), path
            assert ("security" in operation) == (path not in open_to_all), path
            if method == "post" and "ticket" not in path:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                assert schema["$ref"]


def test_streams_are_event_streams(document: dict[str, Any]) -> None:
    for path in (
        "/v1/stream/raw",
        "/v1/stream/buffered",
        "/v1/stream/json",
        "/v1/chat",
        "/v1/chat/completions",
    ):
        responses = document["paths"][path]["post"]["responses"]
        assert "text/event-stream" in responses["200"]["content"]
        assert responses["413"]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorBody")


def test_without_keys_nothing_needs_one() -> None:
    app: FastAPI = app_of(URL)
    document = app.openapi()
    assert app.openapi() is document
    assert "securitySchemes" not in document["components"]
