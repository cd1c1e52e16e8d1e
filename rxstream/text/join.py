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

        for text in rxs.iter_stream(rxs.from_stream(["Hel", "", "lo"]).pipe(rxs.accumulate())):
            print(text)
        #> Hel
        #> Hello

    For a display that is drawn anew each time. An item without text gives nothing, and behind a finish reason
    the text begins anew. Memory: the text; keeping every item of a long answer keeps a quadratic number of
    characters. Raises, as the stream's error, MixedChoices for chunks of two choices (``n=2``), TypeError for
    items that are no text. For the whole text at the end there is ``collect``, for a live picture of it
    ``display_stream``.
    """
    return lift(lambda: splitter(SoFar, "accumulate()"))
