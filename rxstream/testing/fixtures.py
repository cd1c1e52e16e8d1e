"""Fixtures for pytest; ``pytest_plugins = ["rxstream.testing.fixtures"]`` in a ``conftest.py`` brings them.

It is the one module of ``rxstream.testing`` that needs pytest, so that is where it is imported.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any, Protocol

import pytest

from rxstream.testing.fault_server import FaultServer

__all__ = ("StartFaultServer", "fault_server")


class StartFaultServer(Protocol):
    """Start a server; it takes what ``FaultServer`` takes."""

    def __call__(self, *answers: Any, faults: Any = ()) -> FaultServer:
        """Give the server, which runs until the test is over."""
        ...


@pytest.fixture
def fault_server() -> Iterator[StartFaultServer]:
    """Give a function that starts a ``FaultServer``; as many as a test calls for, closed when it is over.

        def test_a_cut_is_survived(fault_server):
            server = fault_server("01-prose", faults=[Fault.cut(5000)])
            assert server.base_url.endswith("/v1")

    It takes what ``FaultServer`` takes.
    """
    with ExitStack() as servers:
        yield partial(_start, servers)


def _start(servers: ExitStack, *answers: Any, faults: Any = ()) -> FaultServer:
    return servers.enter_context(FaultServer(*answers, faults=faults))
