"""Text to the fenced code in it."""

from collections.abc import Callable
from functools import partial as with_options

from reactivex import Observable

from rxstream.engine.lift import lift
from rxstream.engine.pipeline import named
from rxstream.items import Text
from rxstream.sansio.code_blocks import CodeBlock, CodeBlocks
from rxstream.sansio.texts import splitter

__all__ = ("parse_code_blocks",)


@named
def parse_code_blocks(*, partial: bool = False) -> Callable[[Observable[Text]], Observable[CodeBlock]]:
    r"""Give the fenced code blocks of a Markdown text.

        -'Run:\n```p'-'y\nx = 1\n'-'``'-'`\n'----------------------------|
        parse_code_blocks()
        --------------------------------CodeBlock('x = 1\n', 'py', 'py')-|

        answer = rxs.from_recording("03-code-python", speed=None)
        for block in rxs.iter_stream(answer.pipe(rxs.parse_code_blocks())):
            print(block.language, len(block.code.splitlines()), block.complete)  #> python 14 True

    By CommonMark's rules: fences of backticks or tildes, of any length from three on, indented, inside of
    quotes and list items; the code comes as CommonMark has it. A block comes out when its closing fence is
    certain, at the end of that line, or when its quote or list item ends; one that the text breaks off in
    comes at the end, with ``complete=False``. ``language`` is the first word behind the fence, or None.

    ``partial``: the code as it is written. An item comes when the opening line is over (its ``delta`` is
    empty, but it knows the language), one for each piece of code, and a last one with ``complete=True``.
    Joining the deltas of one ``index`` gives the code, character for character; ``code`` is all so far.
    Held back is only what may still be the closing fence.

        --'```\n'------------------------'a'-----------------------------'\n```\n'---------------------|
        parse_code_blocks(partial=True)
        --CodeBlock('', complete=False)--CodeBlock('a', complete=False)--CodeBlock('a\n', delta='\n')--|

    At an error the unfinished block is dropped. Memory: the unfinished line, and the unfinished block.
    Quotes and lists are followed 100 deep. Raises, as the stream's error, MixedChoices for chunks of two
    choices (``n=2``), TypeError for items that are no text. For all blocks of a text, as text, there is
    ``parse_markdown``.
    """
    return lift(lambda: splitter(with_options(CodeBlocks, partial=partial), "parse_code_blocks()"))
