"""Messages of a WebSocket, read with bounds: nothing that a client sends takes more than they allow."""

import json
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.errors import InvalidJSON, InvalidValue, TooDeep
from rxstream.sansio.ws_wire import Message, is_longer, read_message, write_message

TEXTS = st.text(st.characters(codec="utf-8"), max_size=9)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda one: st.lists(one, max_size=3) | st.dictionaries(TEXTS, one, max_size=2),
    max_leaves=5,
)
NAMES = st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=128)


@example(None, "x" * 128)
@example("\u2028", "\U0001f600" * 128)
@given(VALUES, NAMES)
def test_what_is_written_is_read(data: Any, name: str | None) -> None:
    for as_ascii in (True, False):
        text = write_message("chunk", json.dumps(data, ensure_ascii=as_ascii), name)
        assert read_message(text) == Message("chunk", data, name)
        assert json.loads(text) == {"type": "chunk", "data": data} | ({} if name is None else {"id": name})


def test_what_a_message_lacks_is_none() -> None:
    assert read_message('{"more": [1], "type": "ping"}') == Message("ping", None, None)
    assert read_message(' {"type": "ping", "id": null, "data": null} ') == Message("ping", None, None)


@example("\u00e9" * 3, 5)
@example("\ud800", 2)
@given(st.text(), st.integers(0, 30))
def test_the_length_is_that_of_its_bytes(text: str, size: int) -> None:
    assert is_longer(text, size) == (len(text.encode(errors="surrogatepass")) > size)


#: What is wrong with it, the text, the error, and words of its message.
WRONG: Final[dict[str, tuple[str, type[Exception], str]]] = {
    "nothing": ("", InvalidJSON, "no JSON"),
    "words": ("nonsense", InvalidJSON, "no JSON"),
    "half": ('{"type":"a"', InvalidJSON, "no JSON"),
    "two": ('{"type":"a"}{"type":"a"}', InvalidJSON, "no JSON"),
    "a byte-order mark": ('\ufeff{"type":"a"}', InvalidJSON, "no JSON"),
    "NaN": ('{"type":"a","data":NaN}', InvalidJSON, "no JSON"),
    "Infinity": ('{"type":"a","data":[Infinity]}', InvalidJSON, "no JSON"),
    "-Infinity": ('{"type":"a","data":-Infinity}', InvalidJSON, "no JSON"),
    "NaN as id": ('{"type":"a","id":NaN}', InvalidJSON, "no JSON"),
    # Python refuses to write it again, and int() takes time by the square of its length.
    "a million digits": ('{"type":"a","data":' + "9" * 1_000_000 + "}", InvalidJSON, "no JSON"),
    "a lone surrogate": ('{"type":"a","data":"\ud800"}', InvalidJSON, "lone surrogate"),
    "a lone surrogate, escaped": ('{"type":"a","data":"\\ud800"}', InvalidJSON, "no JSON"),
    "a lone low surrogate in an id": ('{"type":"a","id":"\\udc00"}', InvalidJSON, "no JSON"),
    "1e999": ('{"type":"a","data":1e999}', InvalidValue, "larger"),
    "-1e999 inside": ('{"type":"a","data":[{"b":-1e999}]}', InvalidValue, "larger"),
    "1e999 as type": ('{"type":1e999}', InvalidValue, "larger"),
    "an array": ("[]", InvalidValue, "expected a JSON object"),
    "a number": ("3", InvalidValue, "expected a JSON object"),
    "null": ("null", InvalidValue, "expected a JSON object"),
    "no type": ("{}", InvalidValue, "no string as its"),
    "an empty type": ('{"type":""}', InvalidValue, "no string as its"),
    "a number as type": ('{"type":3}', InvalidValue, "no string as its"),
    "an array as type": ('{"type":["a"]}', InvalidValue, "no string as its"),
    "an empty id": ('{"type":"a","id":""}', InvalidValue, "1 to 128"),
    "a number as id": ('{"type":"a","id":7}', InvalidValue, "1 to 128"),
    "an array as id": ('{"type":"a","id":["a"]}', InvalidValue, "1 to 128"),
    "false as id": ('{"type":"a","id":false}', InvalidValue, "1 to 128"),
    "a long id": (json.dumps({"type": "a", "id": "x" * 129}), InvalidValue, "1 to 128"),
    "40,000 arrays, open": ("[" * 40_000, TooDeep, "depth of at most 32"),
    "40,000 arrays": ('{"type":"a","data":' + "[" * 40_000 + "]" * 40_000 + "}", TooDeep, "at most 32"),
    "40,000 objects": ('{"a":' * 40_000 + "1" + "}" * 40_000, TooDeep, "depth of at most 32"),
    "40 arrays": ("[" * 40 + "]" * 40, TooDeep, "depth of at most 32"),
    "40 objects": ('{"a":' * 40 + "1" + "}" * 40, TooDeep, "depth of at most 32"),
    "too many characters": ("[" * (1024 * 1024 + 1), InvalidValue, "at most 1048576 bytes"),
    "too many bytes": ("\u20ac" * (1024 * 1024 // 3 + 1), InvalidValue, "at most 1048576 bytes"),
}


@pytest.mark.parametrize(("text", "error", "words"), WRONG.values(), ids=WRONG.keys())
def test_trap_22_what_is_no_message_is_said_so(text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as raised:
        read_message(text)
    assert len(str(raised.value)) < 500


@given(st.text(max_size=20) | VALUES.map(json.dumps))
def test_trap_21_bad_input_raises_what_is_expected_and_nothing_else(text: str) -> None:
    try:
        message = read_message(text)
    except (InvalidJSON, InvalidValue):
        return
    assert json.loads(text)["type"] == message.type


@given(st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_the_depth_is_counted_from_the_message_on(depth: int, bound: int, of_objects: bool) -> None:
    opening, closing = ('{"a":', "}") if of_objects else ("[", "]")
    inner = opening * (depth - 1) + "0" + closing * (depth - 1)
    # What is shallow beside it makes it no less deep.
    text = f'{{"type":"a","x":[],"data":{inner},"y":0}}'
    deepest = max(depth, 2)
    if deepest <= bound:
        assert read_message(text, max_depth=bound).type == "a"
    else:
        with pytest.raises(TooDeep, match=f"at most {bound}, got more"):
            read_message(text, max_depth=bound)


def test_the_size_is_the_callers() -> None:
    assert read_message('{"type":"é"}', max_size=13).type == "é"
    with pytest.raises(InvalidValue, match="at most 12 bytes"):
        read_message('{"type":"é"}', max_size=12)
