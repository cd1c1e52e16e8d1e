"""Messages of a WebSocket, read with bounds: nothing that a client sends takes more than they allow."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.errors import InvalidJSON, InvalidValue, TooDeep
from rxstream.sansio.ws_wire import Message, is_longer, read_message, write_message

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8"), max_size=9),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from("ab"), one, max_size=2),
    max_leaves=5,
)


@given(VALUES, st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=128))
def test_what_is_written_is_read(data: Any, name: str | None) -> None:
    assert read_message(write_message("chunk", json.dumps(data), name)) == Message("chunk", data, name)


@given(st.text(), st.integers(0, 30))
def test_the_length_is_that_of_its_bytes(text: str, size: int) -> None:
    assert is_longer(text, size) == (len(text.encode(errors="surrogatepass")) > size)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", InvalidJSON, "no JSON"),
        ("nonsense", InvalidJSON, "no JSON"),
        ('{"type":"a","data":NaN}', InvalidJSON, "no JSON"),
        ('{"type":"a","data":-Infinity}', InvalidJSON, "no JSON"),
        ('{"type":"a","data":"\ud800"}', InvalidJSON, "lone surrogate"),
        ('{"type":"a","data":1e999}', InvalidValue, "larger"),
        ("[]", InvalidValue, "expected a JSON object"),
        ("3", InvalidValue, "expected a JSON object"),
        ("{}", InvalidValue, "no string as its"),
        ('{"type":""}', InvalidValue, "no string as its"),
        ('{"type":3}', InvalidValue, "no string as its"),
        ('{"type":"a","id":""}', InvalidValue, "1 to 128"),
        ('{"type":"a","id":7}', InvalidValue, "1 to 128"),
        (json.dumps({"type": "a", "id": "x" * 129}), InvalidValue, "1 to 128"),
        ("[" * 40_000, TooDeep, "depth of at most 32"),
        ("[" * 40 + "]" * 40, TooDeep, "depth of at most 32"),
        ('{"a":' * 40 + "1" + "}" * 40, TooDeep, "depth of at most 32"),
        ("x" * 1_100_000, InvalidValue, "at most 1048576 bytes"),
    ],
    ids=str,
)
def test_trap_22_what_is_no_message_is_said_so(text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read_message(text)


def test_the_bounds_are_the_callers() -> None:
    deep = '{"type":"a","data":[[[]]]}'
    assert read_message(deep, max_depth=4).data == [[[]]]
    with pytest.raises(TooDeep):
        read_message(deep, max_depth=3)
    with pytest.raises(InvalidValue, match="at most 10 bytes"):
        read_message('{"type":"é"}', max_size=10)
