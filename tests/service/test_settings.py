"""Wrong options are told at once, by their names."""

from typing import Any

import pytest

from rxstream.service.settings import Limits, Settings


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"model": 3}, TypeError, "model"),
        ({"model": ""}, TypeError, "model"),
        ({"api_keys": "secret"}, TypeError, "api_keys"),
        ({"api_keys": ("",)}, ValueError, "api_keys"),
        ({"api_keys": (b"x",)}, TypeError, "api_keys"),
        ({"allowed_origins": 7}, TypeError, "allowed_origins"),
        ({"retry_attempts": 0}, ValueError, "at least 1"),
        ({"retry_attempts": 1.5}, TypeError, "whole number"),
        ({"retry_attempts": True}, TypeError, "whole number"),
        ({"heartbeat": 0}, ValueError, "positive"),
        ({"heartbeat": "15"}, TypeError, "seconds"),
        ({"grace": -1}, ValueError, "grace"),
        ({"send_deadline": float("nan")}, ValueError, "send_deadline"),
        ({"timeout": 30}, TypeError, "three"),
        ({"timeout": (1, 2)}, TypeError, "three"),
        ({"timeout": (0, None, None)}, ValueError, "timeout"),
        ({"fallback_models": ("a", "b"), "fallback_clients": (object(),)}, ValueError, "there are 2"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named(options: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        Settings(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"max_concurrent": 0},
        {"max_per_key": 0},
        {"max_queue": -1},
        {"max_wait": -0.5},
        {"max_body": 0},
        {"max_messages": 0},
        {"max_depth": 0},
        {"max_choices": 0},
    ],
    ids=str,
)
def test_a_wrong_limit_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Limits(**options)


def test_what_may_be_nothing_may_be_nothing() -> None:
    settings = Settings(timeout=(None, None, None), model=None, limits=Limits(max_queue=0, max_wait=0))
    assert not settings.has_time_limit
    assert Settings().has_time_limit
