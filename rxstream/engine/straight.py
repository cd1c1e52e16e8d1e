"""The straight run: one source of ours, machines of ours, and no Rx between them.

Everything is in one loop of the consumer's own task. The loops for one to four machines are written out
(three operators behind ``from_stream`` are four): a call saved per stage and item is what makes a chain of
them cheaper than async generators.
"""

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

from anyio.lowlevel import checkpoint

from rxstream.engine.fuse import Fused
from rxstream.engine.inlet import Inlet
from rxstream.items import Restarted

if TYPE_CHECKING:
    from rxstream.engine.pump import Pump

__all__ = ("PATIENCE", "straight_items")

#: After so many items without a pause, the event loop gets its turn: others run, cancellation is seen.
PATIENCE = 256


async def straight_items(  # noqa: C901, PLR0912, PLR0915 - see above
    pump: "Pump", inlet: Inlet, chain: Fused, renew: Callable[[], Fused]
) -> AsyncGenerator[Any, None]:
    """Yield what comes out of the last machine; close the source before the end or the error is seen.

    ``renew`` makes the machines anew, for the text behind a ``Restarted``.
    """
    out: list[Any] = []
    failed: Exception | None
    # Whose turn it is: the source's errors are the first machine's to explain, the machines' own are not.
    asked = True
    patience = PATIENCE
    restarted: Restarted | None = None
    try:
        while True:
            machines, passes = chain.machines, chain.passes
            if chain.finishes or not 1 <= len(machines) <= 4:
                into, finishing = chain.into, chain.finishing
                async for chunk in inlet.open():
                    asked = False
                    if chunk.__class__ is Restarted:
                        restarted = chunk
                        break
                    failed = None
                    try:
                        into(chunk, out)
                    except Exception as error:  # noqa: BLE001 - raised below, behind what came before it
                        failed = error
                    finished = False
                    for machine in finishing:
                        if machine.finished:
                            finished = True
                    if finished or failed is not None:
                        inlet.error = failed
                        # Before the last items are read: what is open costs money.
                        await pump.close_sources()
                    for item in out:
                        yield item
                    out.clear()
                    if failed is not None:
                        raise failed  # noqa: TRY301
                    if finished:
                        break
                    asked = True
                    patience -= 1
                    if not patience:
                        patience = PATIENCE
                        await checkpoint()
            elif len(machines) == 1:
                feed = machines[0].feed
                async for chunk in inlet.open():
                    asked = False
                    if chunk.__class__ is Restarted:
                        restarted = chunk
                        break
                    for item in (chunk,) if chunk.__class__ in passes else feed(chunk):
                        yield item
                    asked = True
                    patience -= 1
                    if not patience:
                        patience = PATIENCE
                        await checkpoint()
            elif len(machines) == 2:
                first, second = machines[0].feed, machines[1].feed
                async for chunk in inlet.open():
                    asked = False
                    if chunk.__class__ is Restarted:
                        restarted = chunk
                        break
                    for a in (chunk,) if chunk.__class__ in passes else first(chunk):
                        for item in second(a):
                            yield item
                    asked = True
                    patience -= 1
                    if not patience:
                        patience = PATIENCE
                        await checkpoint()
            elif len(machines) == 3:
                first, second, third = machines[0].feed, machines[1].feed, machines[2].feed
                async for chunk in inlet.open():
                    asked = False
                    if chunk.__class__ is Restarted:
                        restarted = chunk
                        break
                    for a in (chunk,) if chunk.__class__ in passes else first(chunk):
                        for b in second(a):
                            for item in third(b):
                                yield item
                    asked = True
                    patience -= 1
                    if not patience:
                        patience = PATIENCE
                        await checkpoint()
            else:
                first, second = machines[0].feed, machines[1].feed
                third, fourth = machines[2].feed, machines[3].feed
                async for chunk in inlet.open():
                    asked = False
                    if chunk.__class__ is Restarted:
                        restarted = chunk
                        break
                    for a in (chunk,) if chunk.__class__ in passes else first(chunk):
                        for b in second(a):
                            for c in third(b):
                                for item in fourth(c):
                                    yield item
                    asked = True
                    patience -= 1
                    if not patience:
                        patience = PATIENCE
                        await checkpoint()
            if restarted is None:
                break
            chain = renew()
            yield restarted
            restarted = None
            asked = True
        asked = False
        await pump.close_sources()
        failed = None
        try:
            chain.close_into(out)
        except Exception as error:  # noqa: BLE001 - raised below, behind what came before it
            failed = error
        for item in out:
            yield item
        if failed is not None:
            raise failed  # noqa: TRY301
    except Exception as error:
        inlet.error = explained = chain.explain(error) if asked else error
        await pump.close_sources()
        pump.raise_close_failure(explained)
        pump.ended = True
        if explained is error:
            raise
        raise explained from explained.__cause__
    pump.ended = True
    pump.raise_close_failure()
