"""Text put together."""

from collections.abc import Callable

from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.pipeline import named
from rxstream.items import Text
from rxstream.sansio.join import SoFar
from rxstream.sansio.texts import splitter

__all__ = ("accumulate",)


@named
def accumulate() -> Callable[[Observable[Text]], Observable[str]]:
    """Give the text so far, each time it grows.

        --'Hel'--'lo'-----|
        accumulate()
        --'Hel'--'Hello'--|

    For a display that is drawn anew each time. An item without text gives nothing. Keeping every item of a
    long answer keeps a quadratic number of characters; for the whole text at the end there is ``collect``.
    """
    return lift(lambda: splitter(SoFar, "accumulate()"))
