"""A message, as both ends write it; without an id as plainly as it can be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.errors import InvalidJSON, InvalidValue, TooDeep
from rxstream.transports.ws_message import WSMessage

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS, lambda one: st.lists(one, max_size=3)
)


@given(TEXTS, VALUES, st.none() | TEXTS)
def test_what_is_written_is_read(kind: str, data: object, name: str | None) -> None:
    message = WSMessage(kind, data, name)
    assert WSMessage.from_json(message.to_json()) == message


def test_without_an_id_it_is_a_type_and_its_data() -> None:
    assert json.loads(WSMessage("chunk", {"content": "a"}).to_json()) == {
        "type": "chunk",
        "data": {"content": "a"},
    }
    assert WSMessage.from_json('{"type": "complete", "data": {"messages": []}}') == WSMessage(
        "complete", {"messages": []}
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [("nonsense", InvalidJSON), ("[]", InvalidValue), ("{}", InvalidValue), ("[" * 50_000, TooDeep)],
)
def test_what_is_none_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        WSMessage.from_json(text)


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="written as JSON"):
        WSMessage("chunk", object()).to_json()
