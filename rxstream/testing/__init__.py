"""The checks that rxstream holds its own machines and operators against, for yours.

``check_machine(factory, samples)`` judges a machine, ``check_operator(operator, items)`` an operator; the
other checks are parts of the first.
``chunkings`` and ``texts`` are Hypothesis strategies, and need Hypothesis when they are used, not before.
"""

from rxstream.testing.clock import VirtualClock
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
from rxstream.testing.runs import run_machine
from rxstream.testing.strategies import chunkings, texts

__all__ = (
    "Diagram",
    "Notification",
    "VirtualClock",
    "assert_incremental",
    "assert_linear",
    "assert_lossless",
    "assert_marbles",
    "assert_split_invariant",
    "check_machine",
    "check_operator",
    "chunkings",
    "find_diagrams",
    "format_difference",
    "parse_marbles",
    "run_machine",
    "texts",
)
