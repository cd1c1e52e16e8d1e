"""Bodies of requests that nobody trusts."""

import json
from typing import Any

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request

from rxstream.service.bodies import check_messages, invalid, read_json, validated
from rxstream.service.settings import Limits
from rxstream.transports.refusals import Refusal

pytestmark = pytest.mark.anyio

LIMITS = Limits(max_body=1000, max_depth=4, max_messages=2)


def request(
    *pieces: bytes, content_type: str | None = "application/json", length: str | None = None
) -> Request:
    headers = [(b"content-type", content_type.encode())] if content_type is not None else []
    if length is not None:
        headers.append((b"content-length", length.encode()))
    waiting = list(pieces)

    async def receive() -> Any:
        if not waiting:
            raise AssertionError("more was read than there is need for")
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


async def refusal(*pieces: bytes, **options: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await read_json(request(*pieces, **options), LIMITS)
    return refused.value


async def test_an_object_comes_in_any_pieces() -> None:
    assert await read_json(request(b'{"a', b'": [1, ', b"2.5]}"), LIMITS) == {"a": [1, 2.5]}
    assert await read_json(request(b"{}", content_type="application/vnd.x+json; charset=utf-8"), LIMITS) == {}


async def test_a_long_body_is_not_read_to_its_end() -> None:
    assert (await refusal(b"x" * 600, b"x" * 600, b"never read")).status == 413
    assert (await refusal(b"", length="1001")).status == 413
    assert (await refusal(b"", length="9" * 50)).status == 413
    # What a client says of the length is nothing that anybody relies on.
    assert await read_json(request(b"{}", length="-5"), LIMITS) == {}


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_a_page_elsewhere_cannot_ask_without_being_asked_itself(content_type: str | None) -> None:
    refused = await refusal(b"{}", content_type=content_type)
    assert refused.status == 415
    assert "Content-Type: application/json" in refused.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"a"',
        b"true",
        b"{} {}",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": 123456789012345678901234567890}',
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a":' + b"1" * 900 + b"}",
    ],
    ids=[f"body {number}" for number in range(17)],
)
async def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    if len(body) > LIMITS.max_body:
        with pytest.raises(Refusal) as refused:
            await read_json(request(body), Limits())
        assert refused.value.status == 400
    else:
        assert (await refusal(body)).status == 400


async def test_depth_is_counted_from_the_body() -> None:
    assert await read_json(request(b'{"a": {"b": {"c": {}}}}'), LIMITS)
    assert await read_json(request(b'{"a": {"b": {"c": [], "d": 1}}}'), LIMITS)
    assert (await refusal(b'{"a": {"b": {"c": {"d": []}}}}')).code == "too_deep"
    assert (await refusal(b'{"a": {"b": {"c": [1e999]}}}')).code == "invalid_json"


async def test_a_client_that_goes_away_is_no_error_of_ours() -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [(b"content-type", b"application/json")],
    }
    with pytest.raises(Refusal, match="broke off"):
        await read_json(Request(scope, receive), LIMITS)


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.recursive(st.none() | st.floats(), st.lists).map(lambda x: json.dumps(x).encode())
)
@example(b'{"a": 1e999}')
def test_nothing_else_is_raised(body: bytes) -> None:
    statuses: list[int] = []

    async def run() -> None:
        try:
            await read_json(request(body), LIMITS)
        except Refusal as refused:
            statuses.append(refused.status)

    anyio.run(run)
    assert set(statuses) <= {400, 413}


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int = 0
    words: list[str] = []


def test_a_fault_is_told_with_its_place() -> None:
    assert validated(Model, {"number": 3}).number == 3
    with pytest.raises(Refusal) as refused:
        validated(Model, {"number": "3", "words": ["a", 5]})
    assert (refused.value.status, refused.value.param) == (422, "number")
    assert "words[1]: " in refused.value.message
    with pytest.raises(Refusal, match="nonsense: no such parameter here; there are number, words") as refused:
        validated(Model, {"nonsense": 1}, status=400)
    assert refused.value.status == 400


def test_of_many_faults_some_are_told() -> None:
    with pytest.raises(Refusal, match="and 5 more"):
        validated(Model, {"words": list(range(10))})


def test_a_fault_without_a_place_is_told_without() -> None:
    found = invalid([{"type": "missing", "loc": (), "msg": "nothing came"}])
    assert (found.message, found.param) == ("nothing came", None)
    assert invalid([{"type": "x", "loc": ("a", 0, "b"), "msg": "no"}]).param == "a[0].b"


def test_a_long_conversation_is_refused() -> None:
    check_messages(2, LIMITS)
    with pytest.raises(Refusal, match="at most 2 messages"):
        check_messages(3, LIMITS)
