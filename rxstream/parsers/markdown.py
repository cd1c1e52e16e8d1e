"""Text to the Markdown blocks in it."""

from collections.abc import Callable

from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.pipeline import named
from rxstream.items import Text
from rxstream.sansio.markdown import MarkdownBlock, MarkdownBlocks
from rxstream.sansio.texts import splitter

__all__ = ("parse_markdown",)


@named
def parse_markdown() -> Callable[[Observable[Text]], Observable[MarkdownBlock]]:
    r"""Give the finished blocks of a Markdown text, and its live tail.

        -'# '----------------'A'-----------------------------|
        parse_markdown()
        -MarkdownBlock('# ')-MarkdownBlock('# A', delta='A')-(MarkdownBlock('# A', 'heading', level=1)|)

        answer = rxs.from_stream(["# Rivers\nThey fl", "ow.\n\n* to the s", "ea\n"])
        for block in rxs.iter_stream(answer.pipe(rxs.parse_markdown())):
            if block.complete:
                print(block.kind, repr(block.text))
        #> heading '# Rivers\n'
        #> paragraph 'They flow.\n\n'
        #> list '* to the sea\n'

    Two sorts of items. A *finished* block (``complete``) has its ``kind``: "heading", "paragraph", "list",
    "table", "quote", "code", "rule", "html" or "definition" (of a link), and its exact source in ``text``.
    A piece of the *tail* has what is new in ``delta``, and all behind the last finished block in ``text``.
    Whoever renders draws a finished block once, and only the tail again.

    Every character comes at once: the deltas, joined, are the text, and so are the texts of the finished
    blocks; blank lines belong to the block before them. A block is finished when nothing can change its
    extent or its kind any more, which mostly the beginning of the next one shows: a paragraph may still
    become a heading, a list go on behind a blank line. The end of the text finishes the last one.

    Blocks are those of CommonMark with GitHub's tables, at the top of the document: a list is one block,
    whatever stands in it, and what stands in quotes and lists is followed 100 deep. A text of nothing but
    blank lines is one block "blank".

    At an error the tail is not finished. Memory: the tail, until nobody holds its pieces. Raises, as the
    stream's error, MixedChoices for chunks of two choices (``n=2``), TypeError for items that are no text.
    For the code alone, without fences and margins, there is ``parse_code_blocks``; to have it shown,
    ``display_stream``.
    """
    return lift(lambda: splitter(MarkdownBlocks, "parse_markdown()"))
