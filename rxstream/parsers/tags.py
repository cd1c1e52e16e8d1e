"""Text to labelled text: inside of tags, and outside."""

from collections.abc import Callable
from functools import partial

from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.pipeline import named
from rxstream.items import TaggedText, Text
from rxstream.sansio.tags import Tags
from rxstream.sansio.texts import splitter
from rxstream.text.made import made

__all__ = ("parse_tags",)


@named
def parse_tags(
    *names: str, max_tag: int = 1024, max_depth: int = 100
) -> Callable[[Observable[Text]], Observable[TaggedText]]:
    """Give the text as it comes, each piece with the tag that it stands in.

        --'Hi <b'-----------'>you'----------------------------------------------------------------------|
        parse_tags("b")
        --TaggedText('Hi ')-(TaggedText('', 'b', {}, ('b',), 0) TaggedText('you', 'b', {}, ('b',), 0))--|

        --'<b x=1 '----'y/>'------------------------------------------------------|
        parse_tags("b")
        ---------------TaggedText('', 'b', {'x': '1', 'y': ''}, ('b',), 0, True)--|

        answer = rxs.from_stream(["<pl", "an>Look, then leap.</p", "lan>", "<answer>42"])
        for piece in rxs.iter_stream(answer.pipe(rxs.parse_tags("plan", "answer"))):
            print(piece.tag, repr(piece.text), piece.complete)
        #> plan '' False
        #> plan 'Look, then leap.' False
        #> plan '' True
        #> answer '' False
        #> answer '42' False

    ``names``: those of the tags to look for, without brackets; upper and lower case differ. Everything else
    is text, exactly as it stands: other tags, a closing tag of something that is not open, what only looks
    like a tag, a tag of more than ``max_tag`` characters, one that would open inside of ``max_depth`` others.

    ``TaggedText``: ``tag`` is the innermost tag around the text (None outside of all), ``path`` all of them,
    ``index`` tells two tags of one name apart. An opening tag gives an item without text; ``attributes``
    (of ``<b x="1" y=2 z>``: ``{"x": "1", "y": "2", "z": ""}``) are known from then on, raw: ``&lt;`` is not
    decoded. The closing tag gives an item without text that is ``complete``, and before it one for whatever
    was opened inside and never closed. ``<b/>`` gives that item alone.
    A tag that is still open at the end has no complete item; its text has come all the same.

    Text streams: only what may still become a tag waits, no more than ``max_tag`` characters. At the end it
    is text; at an error it is dropped. Raises TypeError and ValueError for what is no name and for wrong
    bounds; as the stream's error MixedChoices for chunks of two choices (``n=2``), TypeError for items that
    are no text. For a thought and its answer there is ``split_reasoning``.
    """
    make = made("parse_tags()", partial(Tags, *names, max_tag=max_tag, max_depth=max_depth))
    return lift(lambda: splitter(make, "parse_tags()"))
