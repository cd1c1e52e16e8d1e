"""Keys and tickets: whose a request is, and that nobody else's can be had."""

from contextlib import AbstractContextManager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxstream.service.keys import TICKET_SECONDS, Keys
from rxstream.transports.refusals import Refusal

KEYS = Keys(["alpha", "ключ"])


def refused(code: str) -> AbstractContextManager[object]:
    def is_so(error: Refusal) -> bool:
        return error.status == 401 and error.code == code and "WWW-Authenticate" in error.headers

    return pytest.raises(Refusal, check=is_so)


def test_without_keys_everybody_is_nobody() -> None:
    keys = Keys([])
    assert not keys.are_asked_for
    assert keys.owner(None) is None
    assert keys.owner("Bearer anything") is None
    assert keys.owner_of_ticket("nonsense", "s") is None


def test_each_key_is_an_owner_of_its_own_whose_name_tells_nothing() -> None:
    alpha, other = KEYS.owner("Bearer alpha"), KEYS.owner(f"bearer {'ключ'.encode().decode('latin-1')}")
    assert alpha != other
    assert alpha is not None
    assert "alpha" not in alpha


def test_a_missing_key_is_told_how_to_be_sent() -> None:
    with refused("missing_api_key"):
        KEYS.owner(None)


@given(st.text(st.characters(max_codepoint=255)))
def test_nothing_else_is_a_key(text: str) -> None:
    for header in (text, f"Bearer {text}x", f"Basic {text}", "alpha", "Basic alpha", "Bearer"):
        with pytest.raises(Refusal):
            KEYS.owner(header)


def test_a_ticket_is_good_for_its_subject_and_its_time() -> None:
    now = 1000.0
    keys = Keys(["alpha", "beta"], clock=lambda: now)
    owner = keys.owner("Bearer beta")
    ticket = keys.ticket(owner, "stream-a")
    assert keys.owner_of_ticket(ticket, "stream-a") == owner
    # Another worker has the same keys, and has never seen the ticket.
    assert Keys(["beta"], clock=lambda: now).owner_of_ticket(ticket, "stream-a") == owner
    with refused("invalid_ticket"):
        keys.owner_of_ticket(ticket, "stream-b")
    with refused("invalid_ticket"):
        Keys(["alpha"], clock=lambda: now).owner_of_ticket(ticket, "stream-a")
    now += TICKET_SECONDS + 1
    with refused("invalid_ticket"):
        keys.owner_of_ticket(ticket, "stream-a")


@given(st.text())
def test_nothing_else_is_a_ticket(text: str) -> None:
    good = KEYS.ticket(KEYS.owner("Bearer alpha"), "s")
    expiry, _, signature = good.partition(".")
    for ticket in (text, f"{text}.{signature}", f"{expiry}.{text}", f"{int(expiry) + 1}.{signature}"):
        with pytest.raises(Refusal):
            KEYS.owner_of_ticket(ticket, "s")
