"""The registry's entries for the parsers: text to structure."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import rxstream as rxs
from rxstream.items import StreamChunk
from rxstream.sansio.code_blocks import CodeBlocks
from rxstream.sansio.json_lines import JSONLines
from rxstream.sansio.json_values import JSONObjects, JSONValues
from rxstream.sansio.markdown import MarkdownBlocks
from rxstream.sansio.partial_json import PartialDocument
from rxstream.sansio.reasoning import Reasoning
from rxstream.sansio.tags import Tags
from rxstream.sansio.tool_calls import ToolCalls
from tests.laws.entries import OfItems, OfText, Op, pieces_of_chunks
from tests.sansio.json_documents import events
from tests.sansio.json_shapes import LONG, in_fours, repeated
from tests.sansio.tool_calls import joined as joined_calls

__all__ = ("PARSER_EVENTS", "PARSER_MACHINES", "PARSER_OPERATORS")


def in_tags(items: list[Any]) -> list[Any]:
    """Take an item without text as it is, and text by its characters: where that is cut means nothing."""
    found: list[Any] = []
    for item in items:
        where = item.tag, item.attributes, item.path, item.index
        found += [(char, *where) for char in item.text] or [(item.complete, *where)]
    return found


def in_order(chunks: list[Any]) -> list[tuple[str, str]]:
    """Take the characters, of thought and of answer: where they are cut means nothing."""
    return [
        (kind, char)
        for chunk in chunks
        for kind, text in (("thought", chunk.reasoning), ("answer", chunk.content))
        for char in text
    ]


def growing(items: list[Any]) -> list[Any]:
    """Take pieces of code, or of a tail, apart: where they are cut means nothing."""
    seen: list[Any] = []
    for item in items:
        seen += [(item.index, char) for char in item.delta]
        if item.complete:
            seen.append(item if getattr(item, "kind", None) else (item.index, item.code, item.info))
    return seen


FENCES = (
    "a\n```py\nx = `1`\n``\n``` b\n   ```  \n~~~\ny\n ~~~~\nend\n```\nz",
    "> - ~~~ a b\r\n>   code\r>\r\n>   ~~~~\r\n> - ```\nx",
    "- ```\n  a\n \n\t b\n- x\n```\n",
    "~~~\n   ~~~x\n~~~",
    "a\rb\n~~~\rc\nd\r~~~",
    "",
)
MARKDOWN = (
    "# a\n\nb\nc\n===\n- d\n\n  e\n\n> f\ng\n***\n",
    "a\n| b | c |\n|---|---|\n| d | e |\n\n```py\nx\n```\r\n<div>\r\ny\r\n\r\nz",
    "[a]: b\n'c'\n[d]: e\n'f\ng\n\n1. h\n2. i\n3) j\n",
    "- a | b\n-|-\n# c | d\n-|-\n```e|f\n-|\n",
    " \n\n",
    "a\rb\n# c\rd\n\ne",
    "",
)
FENCE_ENDS = ("```\n", "``x", "`` \n", "~~~ \n", "~~x", "~\n", "> ```\n", "  ```\n", "    x\n", "\t\tx\n")
MARKDOWN_ENDS = ("===\n", "---\n", "-|-\n", "|-|-|\n", "- x\n", "\n- x\n", "    x\n", "'\n", "> x\n", "```\n")


TAGS = (
    "Hi <think>so <a x='1' y=\"<a>\" z=2 w>b</a></think >. <thi <think/>x</a></think>",
    "<a><think>x</a>y</think><a <think\n>z</thi",
    "<think x='<a>y</a><think x",
    "",
)
TAG_ENDS = ("x>", "'>", '">', "/>", "='>'>", *("</think>"[cut:] for cut in range(8)), "</a>", "/a>", "a>")
THOUGHTS = (
    "<think>\nHm. So \n</think>\n\nIt is 4.\n<thi",
    " \n<think >a<think>b </th </think > <think x='1'/> c</think>",
    "  answer <think",
    "",
)
THOUGHT_ENDS = ("think>a", *("</think>"[cut:] for cut in range(8)), " x", "a</think>", " </think>")

JSON_TEXTS = (
    'Sure:\n```json\n{"a": [1, {"b": "}"}], "c": null}\n```\nor {"d": tru',
    '{{"a": 1} {"a" {"b":2}}} [{"c": -1.5e3}, {"c": "\\ud83d\\ude00\\"\\\\"}] {"c": "\\ud83d"} {}',
    '{x} {"a":01} {"é": "日本"} } ] "{',
    "",
)
JSON_DOCUMENTS = (
    'Sure:\n```json\n{"n": 1, "items": [{"a": [1]}, 12, true, "x\\u00e9\\ud83d\\ude00", null, {}]}\n```\n{',
    '{"items": [[1, 2], "]", {"b": "}"}, -1.5e3, 0], "items": 7, "items": [3]}',
    '{"items": [1, 2, x]}',
    '{"items": ["ab\\x"]}',
    "no [",
    "",
)
JSON_STRICT = (' {"a": [1, "x"]} ', "12.5 ", "true", '"a\\n"', "[1] x", "01", "")
JSON_LINES = (
    '{"a": [1, "x\\u00e9"]}\n\n12\r\n \ttrue \n"\\ud83d\\ude00"',
    "1\n[2] 3\n4",
    '[1]\n"a\nb"',
    "{\n}",
    "",
)

#: Long texts: ``tests/sansio/json_shapes.py``. Only what is deep enough is taken to its end.
JSON_LONG = tuple((name, in_fours(make)) for name, make in LONG)
DEEP = 10**9


def piece_of_a_call(text: str) -> StreamChunk:
    """Make a chunk that carries a piece of a tool call's arguments."""
    return StreamChunk("", tool_calls=(rxs.ToolCallDelta(0, "a", "f", text),))


def calls_in_letters(items: list[Any]) -> list[Any]:
    """Take what grows apart: a call that is there, the letters of its arguments, how it ended."""
    found: list[Any] = []
    for item in items:
        if item.complete:
            found.append(item)
            continue
        if (item.index, item.name) not in found:
            found.append((item.index, item.name))
        found += [(item.index, item.name, char) for char in item.delta]
        if item.ended is not None:
            found.append((item.index, item.name, "ended", item.ended))
    return found


class CallsOfText:
    """Takes a text for the arguments of tool calls; ``|`` stands between two of them."""

    def __init__(self) -> None:
        self._index = 0

    def feed(self, text: str) -> list[StreamChunk]:
        chunks: list[StreamChunk] = []
        for place, piece in enumerate(text.split("|")):
            self._index += place > 0
            if piece:
                delta = rxs.ToolCallDelta(self._index, f"call_{self._index}", "f", piece)
                chunks.append(StreamChunk("", tool_calls=(delta,)))
        return chunks

    def close(self) -> list[StreamChunk]:
        return []


class ToolCallsOfText:
    """``ToolCalls`` behind ``CallsOfText``: a machine on text, to be asked for the laws of text."""

    def __init__(self, *, partial: bool) -> None:
        self._chunks = CallsOfText()
        self._calls = ToolCalls(partial=partial)

    def feed(self, text: str) -> Iterator[Any]:
        for chunk in self._chunks.feed(text):
            yield from self._calls.feed(chunk)

    def close(self) -> Iterator[Any]:
        yield from self._calls.close()


def calls_of_text(*, partial: bool) -> Callable[[Any], Any]:
    """Parse the tool calls that a text is taken for."""
    return lambda source: source.pipe(rxs.lift(CallsOfText), rxs.parse_tool_calls(partial=partial))


ARGUMENTS = (' {"x": [1, "y\\n"]} |{"z": {}}|{"x": 1', '{"x": 1', "{}|[]", "")


PARSER_MACHINES: Final[tuple[OfText, ...]] = (
    *(
        OfText(
            ToolCalls,
            f"ToolCalls of a text, partial={grows}",
            partial(ToolCallsOfText, partial=grows),
            ARGUMENTS,
            join=calls_in_letters,
        )
        for grows in (False, True)
    ),
    OfText(CodeBlocks, "CodeBlocks", CodeBlocks, FENCES, continuations=FENCE_ENDS),
    OfText(
        CodeBlocks,
        "CodeBlocks, as they grow",
        lambda: CodeBlocks(partial=True),
        FENCES,
        join=growing,
        continuations=FENCE_ENDS,
    ),
    OfText(
        MarkdownBlocks, "MarkdownBlocks", MarkdownBlocks, MARKDOWN, join=growing, continuations=MARKDOWN_ENDS
    ),
    OfText(Tags, "Tags", lambda: Tags("think", "a"), TAGS, join=in_tags, continuations=TAG_ENDS),
    OfText(
        Tags,
        "Tags, short and flat",
        lambda: Tags("think", "a", max_tag=12, max_depth=1),
        TAGS,
        join=in_tags,
        continuations=TAG_ENDS,
    ),
    OfText(Reasoning, "Reasoning", Reasoning, THOUGHTS, join=in_order, continuations=THOUGHT_ENDS),
    OfText(
        Reasoning,
        "Reasoning, from inside, all kept",
        lambda: Reasoning(starts_inside=True, keep_whitespace=True),
        THOUGHTS,
        join=in_order,
        continuations=THOUGHT_ENDS,
    ),
    OfText(JSONObjects, "JSONObjects", lambda: JSONObjects(max_depth=DEEP), JSON_TEXTS, long=JSON_LONG),
    OfText(
        JSONObjects, "JSONObjects, two deep", lambda: JSONObjects(max_depth=2), JSON_TEXTS, long=JSON_LONG
    ),
    OfText(JSONObjects, "JSONObjects, raising", lambda: JSONObjects(on_invalid="raise"), JSON_TEXTS),
    OfText(
        JSONValues,
        "JSONValues at a path",
        lambda: JSONValues("$.items[*]", max_depth=DEEP),
        JSON_DOCUMENTS,
        long=JSON_LONG,
    ),
    OfText(JSONValues, "JSONValues, strict", lambda: JSONValues(strict=True), JSON_STRICT, long=JSON_LONG),
    OfText(
        JSONLines,
        "JSONLines",
        lambda: JSONLines(on_invalid="skip"),
        JSON_LINES,
        long=(*JSON_LONG, ("lines", in_fours(repeated('{"a": [1, "x"]}\n')))),
    ),
    OfText(JSONLines, "JSONLines, raising", JSONLines, JSON_LINES),
    OfText(
        PartialDocument,
        "PartialDocument",
        lambda: PartialDocument(max_depth=DEEP),
        JSON_DOCUMENTS,
        join=events,
        long=JSON_LONG,
    ),
    OfText(
        PartialDocument,
        "PartialDocument, strict",
        lambda: PartialDocument(strict=True),
        JSON_STRICT,
        join=events,
    ),
)

PARSER_EVENTS: Final[tuple[OfItems, ...]] = (
    *(
        OfItems(
            ToolCalls,
            f"ToolCalls, partial={grows}",
            partial(ToolCalls, partial=grows),
            (tuple(map(piece_of_a_call, ('{"x"', ": 1}"))), (piece_of_a_call('{"x'),)),
            lambda size: [piece_of_a_call('{"x":"'), *[piece_of_a_call("word")] * (size // 4)],
        )
        for grows in (False, True)
    ),
    OfItems(
        Reasoning,
        "Reasoning on chunks",
        Reasoning,
        ((StreamChunk("<th"), StreamChunk("ink>a "), StreamChunk("</think> b"), StreamChunk("", "stop")),),
        pieces_of_chunks,
    ),
)

PARSER_OPERATORS: Final[tuple[Op, ...]] = (
    *(
        Op(
            "parse_tool_calls",
            f"parse_tool_calls(partial={grows})",
            partial(calls_of_text, partial=grows),
            ARGUMENTS,
            join=joined_calls,
            takes_chunks=False,
        )
        for grows in (False, True)
    ),
    Op("parse_code_blocks", "parse_code_blocks()", rxs.parse_code_blocks, FENCES),
    Op(
        "parse_code_blocks",
        "parse_code_blocks(partial=True)",
        lambda: rxs.parse_code_blocks(partial=True),
        FENCES,
        join=growing,
    ),
    Op("parse_markdown", "parse_markdown()", rxs.parse_markdown, MARKDOWN, join=growing),
    Op("parse_tags", "parse_tags('think', 'a')", lambda: rxs.parse_tags("think", "a"), TAGS, join=in_tags),
    Op("split_reasoning", "split_reasoning()", rxs.split_reasoning, THOUGHTS, join=in_order),
    Op(
        "split_reasoning",
        "split_reasoning(starts_inside=True, keep_whitespace=True)",
        lambda: rxs.split_reasoning(starts_inside=True, keep_whitespace=True),
        THOUGHTS,
        join=in_order,
    ),
    Op("parse_json", "parse_json()", rxs.parse_json, ('{"a": 1} [{"b": [2]}] {"c": tru', *JSON_TEXTS)),
    Op("parse_json", "parse_json(at=...)", lambda: rxs.parse_json(at="$.items[*]"), JSON_DOCUMENTS),
    Op(
        "parse_json",
        "parse_json(at='$[*]', strict=True)",
        lambda: rxs.parse_json(at="$[*]", strict=True),
        ('[{"a": [1, "x"]}, 2, null] ', *JSON_STRICT),
    ),
    Op(
        "parse_json",
        "parse_json(model=...)",
        lambda: rxs.parse_json(model=dict[str, int], on_invalid="raise"),
        ('{"a": 1} {"b": 2}', '{"a": "x"}', ""),
    ),
    Op("parse_partial_json", "parse_partial_json()", rxs.parse_partial_json, JSON_DOCUMENTS, join=events),
    Op("parse_ndjson", "parse_ndjson()", rxs.parse_ndjson, JSON_LINES),
)
