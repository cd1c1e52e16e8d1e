"""Machines: pure, synchronous, no Rx, no clock, no network.

The contract, and it is the whole of it:

* ``feed(chunk)`` takes the next piece of the input and returns, or yields, what is certain now.
* ``close()`` says that the input is over and returns, or yields, what was held back for it.
  It is called once, and never after an error.
* A machine that can fail part-way yields lazily, so that what it found before the fault still comes out.
* A machine that knows its end before its input ends sets the attribute ``finished``;
  whoever drives it then calls ``close()`` and feeds it no more.
* Where the input is cut into chunks never changes what comes out, faults included.
  An empty chunk is as good as none.
* Nothing is held back that no continuation could change, nothing is looked at twice for each new chunk.

``rxstream.testing.check_machine`` proves all of it for a machine of yours, and ``rxstream.lift`` makes
it an operator. Nothing in this package imports reactivex, anyio, openai, httpx2, asyncio, threading or time.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

__all__ = ("Machine",)

I_contra = TypeVar("I_contra", contravariant=True)
O_co = TypeVar("O_co", covariant=True)


class Machine(Protocol[I_contra, O_co]):
    """What ``lift`` makes an operator of: two verbs, see the top of this package."""

    def feed(self, chunk: I_contra, /) -> Iterable[O_co]:
        """Take the next piece of the input; give what is certain now."""
        ...

    def close(self) -> Iterable[O_co]:
        """Learn that the input is over; give what was held back."""
        ...
