"""Error frames: each is one that our decoders take for one."""

from typing import Any

import pytest

from rxstream.errors import ProviderError
from rxstream.sansio.chat import ChatDecoder
from rxstream.sansio.responses import ResponsesDecoder
from rxstream.testing.error_frames import DIALECTS, Dialect, error_frame

#: ``response.failed`` means something in a response only, and FastAPI's error has no code.
CASES = [
    (dialect, decoder)
    for dialect in DIALECTS
    for decoder in (ChatDecoder, ResponsesDecoder)
    if (dialect, decoder) != ("responses-failed", ChatDecoder)
]


@pytest.mark.parametrize(("dialect", "decoder"), CASES)
def test_a_frame_is_the_providers_error(dialect: Dialect, decoder: Any) -> None:
    frame = error_frame(dialect, "overloaded", "try – later")
    with pytest.raises(ProviderError, match="try – later") as caught:
        list(decoder().feed(frame))
    error = caught.value
    if dialect == "anthropic":  # which has no code
        assert error.type == "overloaded"
    elif dialect != "fastapi":
        assert error.code == "overloaded"


def test_each_looks_as_its_provider_sends_it() -> None:
    assert {dialect: error_frame(dialect, 7, "no").partition(b"{")[0] for dialect in DIALECTS} == {
        "openai": b"data: ",
        "openai-event": b"event: error\ndata: ",
        "llama.cpp": b"error: ",
        "anthropic": b"event: error\ndata: ",
        "responses": b"event: error\ndata: ",
        "responses-failed": b"event: response.failed\ndata: ",
        "fastapi": b"data: ",
    }
