"""What the tests of both ends of a wire share."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rxstream.testing import VirtualClock


@pytest.fixture(params=["asyncio", "trio"])
def in_virtual_time(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[Any]]], Any]:
    """Give what runs an async function in virtual time, on both event loops."""
    return lambda function: VirtualClock().run(function, backend=request.param)
