"""Thought and answer apart."""

from collections.abc import Callable
from functools import partial

from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.pipeline import named
from rxstream.items import StreamChunk, Text
from rxstream.sansio.reasoning import Reasoning
from rxstream.text.made import made

__all__ = ("split_reasoning",)


@named
def split_reasoning(
    *, tag: str = "think", starts_inside: bool = False, keep_whitespace: bool = False
) -> Callable[[Observable[Text]], Observable[StreamChunk]]:
    r"""Move what the model thinks out of the text and into ``reasoning``; ``content`` is the answer.

        --'<thi'-'nk>Hm.\n'-----------------------'</think>\n\n4'---|
        split_reasoning()
        ---------StreamChunk('', reasoning='Hm.')-StreamChunk('4')--|

        answer = rxs.from_stream(["<thi", "nk>Two and two ...</think>", "\n\nIt is 4."])
        print(rxs.run(answer.pipe(rxs.split_reasoning(), rxs.buffer_sentences())))  #> ['It is 4.']

    Everything behind it, such as ``buffer_sentences()``, sees only the answer; ``collect()`` gives both, as
    ``reasoning`` and ``content``. Reasoning that came in a field of the chunks, as some providers send it,
    stays there: put this into the chain whatever the model, both come out the same.

    ``tag``: its name, without brackets. ``starts_inside``: the prompt's template has opened the tag already,
    so the stream begins with thought and only ``</think>`` comes (DeepSeek-R1, Qwen). Within a thought only
    the closing tag means something; one that is never closed goes on to the end. There may be several.
    ``keep_whitespace``: every character but the tags comes out; otherwise white space around a thought is
    dropped.

    Held back is what may still become a tag, and white space at the end of a thought or the beginning of the
    answer as long as a tag may follow. Chunks keep their other fields; one whose text changes gives up
    ``raw`` and ``logprobs``. str items become chunks. Each of several choices (``n=2``) is split by itself.
    At an error what was held is dropped. Raises TypeError and ValueError for a ``tag`` that is no name; as
    the stream's error TypeError for items that are no text. For other tags there is ``parse_tags``.
    """
    make = partial(Reasoning, tag=tag, starts_inside=starts_inside, keep_whitespace=keep_whitespace)
    return lift(made("split_reasoning()", make))
