"""The checks that rxstream holds its own machines and operators against, for yours.

``check_machine(factory, samples)`` judges a machine, ``check_operator(operator, items)`` an operator; the
other checks are parts of the first.
``chunkings`` and ``texts`` are Hypothesis strategies, and need Hypothesis when they are used, not before.

How your program survives a broken answer: ``faulty_recording`` plays a recording with a ``Fault`` in it,
``FaultServer`` does the same, and answers of your own, on real sockets; a ``ScriptedModel`` is a model for
it that says what you tell it to. ``rxstream.testing.fixtures`` has them for pytest.
"""

from rxstream.testing.answers import Answer
from rxstream.testing.clock import VirtualClock
from rxstream.testing.connection import Connection, Request
from rxstream.testing.fault_server import FaultServer
from rxstream.testing.faults import Fault
from rxstream.testing.incremental import assert_incremental
from rxstream.testing.linear import assert_linear
from rxstream.testing.machines import assert_lossless, assert_split_invariant, check_machine
from rxstream.testing.marbles import (
    Diagram,
    Notification,
    assert_marbles,
    find_diagrams,
    format_difference,
    parse_marbles,
)
from rxstream.testing.operators import check_operator
from rxstream.testing.playback import faulty_recording
from rxstream.testing.runs import run_machine
from rxstream.testing.scripted_model import ScriptedModel
from rxstream.testing.strategies import chunkings, texts

__all__ = (
    "Answer",
    "Connection",
    "Diagram",
    "Fault",
    "FaultServer",
    "Notification",
    "Request",
    "ScriptedModel",
    "VirtualClock",
    "assert_incremental",
    "assert_linear",
    "assert_lossless",
    "assert_marbles",
    "assert_split_invariant",
    "check_machine",
    "check_operator",
    "chunkings",
    "faulty_recording",
    "find_diagrams",
    "format_difference",
    "parse_marbles",
    "run_machine",
    "texts",
)
