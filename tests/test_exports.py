"""The public names: all there, importable, documented, with the signatures that were promised."""

import ast
import inspect
import pkgutil
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import rxstream as rxs
import rxstream.testing

PACKAGES: list[ModuleType] = [rxs, rxstream.testing]
PUBLIC = [(package, name) for package in PACKAGES for name in package.__all__]

NAMES = [
    "from_chat",
    "from_responses",
    "from_stream",
    "from_recording",
    "LocalModel",
    "buffer_words",
    "buffer_sentences",
    "buffer_lines",
    "buffer_paragraphs",
    "buffer_graphemes",
    "buffer_chars",
    "buffer_by",
    "buffer_with",
    "transform",
    "replace_text",
    "redact",
    "stop_at",
    "accumulate",
    "parse_json",
    "parse_partial_json",
    "parse_ndjson",
    "parse_code_blocks",
    "parse_markdown",
    "parse_tags",
    "split_reasoning",
    "parse_tool_calls",
    "parse_sse",
    "from_streams",
    "merge_streams",
    "race_streams",
    "hedge_stream",
    "fallback_to",
    "map_stream",
    "share_stream",
    "retry_stream",
    "timeout_stream",
    "backpressure",
    "pace_stream",
    "measure_stream",
    "open_stream",
    "collect",
    "to_list",
    "run",
    "iter_stream",
    "StreamBuffer",
    "display_stream",
    "Shown",
    "record_stream",
    "lift",
    "sansio",
    "StreamChunk",
    "StreamResult",
    "Usage",
    "ToolCall",
    "ToolCallDelta",
    "SSEEvent",
    "Tagged",
    "Restarted",
    "Metrics",
    "Price",
    "export_otel",
    "to_sse",
    "sse_response",
    "from_sse",
    "serve_websocket",
    "from_websocket",
    "WSMessage",
    "StreamLog",
]
TESTING_NAMES = [
    "Answer",
    "Fault",
    "FaultServer",
    "ScriptedModel",
    "faulty_recording",
    "chunkings",
    "assert_split_invariant",
    "assert_incremental",
    "assert_lossless",
    "check_machine",
    "check_operator",
    "VirtualClock",
]

#: Each one's own arguments, without annotations.
SIGNATURES = {
    "from_chat": "(client, *, continuation=None, **request)",
    "from_responses": "(client, *, continuation=None, **request)",
    "from_stream": "(source, /)",
    "from_recording": "(path, *, speed=1.0)",
    "buffer_words": "(*, keep_whitespace=False, rule='whitespace')",
    "buffer_sentences": "(*, language='en', keep_whitespace=False, max_chars=None)",
    "buffer_lines": "(*, keep_ends=False)",
    "buffer_paragraphs": "()",
    "buffer_graphemes": "()",
    "buffer_chars": "(n)",
    "buffer_by": "(kind, /, *arguments, **options)",
    "buffer_with": "(machine_factory)",
    "transform": "(fn)",
    "replace_text": "(mapping_or_pattern, replacement=None, *, max_match=None)",
    "redact": "(*patterns, mask='[redacted]', max_match=None)",
    "stop_at": "(*stops, include=False, max_match=None)",
    "accumulate": "()",
    "parse_json": "(*, at=None, model=None, on_invalid=None, strict=False, max_depth=500)",
    "parse_partial_json": "(*, model=None, strict=False, max_depth=500)",
    "parse_ndjson": "(*, model=None, on_invalid='raise', max_depth=500)",
    "parse_code_blocks": "(*, partial=False)",
    "parse_markdown": "()",
    "parse_tool_calls": "(*, partial=False, on_invalid='raise', max_depth=500)",
    "parse_tags": "(*names, max_tag=1024, max_depth=100)",
    "split_reasoning": "(*, tag='think', starts_inside=False, keep_whitespace=False)",
    "parse_sse": "(*, max_event_size=16777216)",
    "from_streams": "(*sources, max_concurrent=None, **named)",
    "merge_streams": "(*others, max_concurrent=None)",
    "race_streams": "(*others, on_lost=None)",
    "hedge_stream": "(after, copies=1, *, on_lost=None)",
    "fallback_to": "(*others, when=None)",
    "map_stream": "(fn, *, max_concurrent, ordered=True)",
    "share_stream": "(max_items, *, overflow='suspend', replay=0, on_drop=None)",
    "retry_stream": "(attempts=3, *, backoff=None, retry_on=None, resume='auto', on_attempt=None, "
    "max_retry_after=60.0)",
    "timeout_stream": "(*, first=None, gap=None, total=None)",
    "backpressure": "(max_items, *, overflow='suspend', on_drop=None)",
    "pace_stream": "(*, max_lag=0.5, interval=0.02, max_chars=10000)",
    "measure_stream": "(on_metrics=None, *, every=None, prices=None)",
    "export_otel": "(*, provider='openai', operation='chat', model=None, request_attributes=None, "
    "per_chunk=True, tracer_provider=None, meter_provider=None)",
    "open_stream": "(observable, *, credit=8, close_timeout=5.0)",
    "collect": "(observable, *, on_item=None, choice=0)",
    "to_list": "(observable, *, on_item=None)",
    "run": "(observable, *, on_item=None)",
    "iter_stream": "(observable)",
    "display_stream": "(observable, *, separator='', every=0.1, view=None)",
    "record_stream": "(path)",
    "from_sse": "(url, *, client=None, method=None, params=None, headers=None, json=None, content=None, "
    "dialect='auto', reconnects=5, retry=3.0, last_event_id=None, timeout='default', "
    "max_event_size=16777216)",
    "serve_websocket": "(websocket, handler, *, authenticate=None, origins=None, max_streams=16, "
    "max_message=65536, max_depth=32, rate=100.0, window=16, send_deadline=30.0, auth_timeout=10.0, "
    "connections=None)",
    "end_websockets": "(within=5.0)",
    "end_responses": "(within=5.0)",
    "open_websocket": "(url, *, headers=None, token=None, credit=32, connect_timeout=10.0)",
    "from_websocket": "(url, request, *, headers=None, token=None, credit=32, connect_timeout=10.0)",
    "to_sse": "(*, dialect='rxstream', ids=None)",
    "sse_response": "(observable=None, *, dialect='rxstream', log=None, stream_id=None, owner=None, "
    "meta=None, heartbeat=15.0, send_deadline=30.0, grace=60.0, retry=None, status_code=200, headers=None, "
    "responses=None, on_close=None)",
    "lift": "(machine_factory)",
    "StreamBuffer": "()",
}


def test_the_names_of_the_design_are_there() -> None:
    assert set(NAMES) <= set(rxs.__all__)
    assert set(TESTING_NAMES) <= set(rxstream.testing.__all__)


@pytest.mark.parametrize(("package", "name"), PUBLIC)
def test_a_public_name_is_importable(package: ModuleType, name: str) -> None:
    assert getattr(import_module(package.__name__), name) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_exports_what_it_imports_and_no_more(package: ModuleType) -> None:
    """Whatever stands in the namespace without an underscore is public, but for the rooms themselves."""
    rooms = {info.name for info in pkgutil.iter_modules(package.__path__)}
    here = {name for name in vars(package) if not name.startswith("_")}
    assert here - rooms == set(package.__all__) - rooms
    assert len(set(package.__all__)) == len(package.__all__)


def test_every_error_is_importable_from_rxstream() -> None:
    for name in rxs.errors.__all__:
        assert getattr(rxs, name) is getattr(rxs.errors, name)
        assert name in rxs.__all__


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (rxs.errors.__doc__ or "").splitlines():
        words = line.replace("├──", "   ").replace("└──", "   ").replace("│", " ")
        if not words.strip() or words.split()[0] not in rxs.errors.__all__:
            continue
        column, name = len(words) - len(words.lstrip()), words.split()[0]
        above = [(place, base) for place, base in above if place < column]
        if above:
            drawn[name] = above[-1][1]
        above.append((column, name))
    assert set(drawn) == set(rxs.errors.__all__) - {"RxStreamError"}
    for name, base in drawn.items():
        assert getattr(rxs, base) in getattr(rxs, name).__bases__


@pytest.mark.parametrize(("package", "name"), PUBLIC)
def test_a_docstring_begins_with_a_sentence(package: ModuleType, name: str) -> None:
    thing = getattr(package, name)
    if not (inspect.isclass(thing) or inspect.isroutine(thing) or inspect.ismodule(thing)):
        pytest.skip("a type")
    doc = inspect.getdoc(thing)
    assert doc
    first = doc.split("\n\n")[0]
    assert first[0].isupper() or first.startswith("``")
    assert first.rstrip().endswith((".", ":")), first
    if not inspect.ismodule(thing):
        assert "\n" not in first
        assert first.endswith(".")


@pytest.mark.parametrize("path", sorted(Path(rxs.__file__).parent.rglob("*.py")), ids=str)
def test_a_file_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    doc = ast.get_docstring(tree)
    assert doc
    assert doc.partition("\n\n")[0].rstrip().endswith((".", ":"))


@pytest.mark.parametrize(("name", "expected"), SIGNATURES.items())
def test_a_signature_is_the_promised_one(name: str, expected: str) -> None:
    signature = inspect.signature(getattr(rxs, name))
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()
    ]
    assert str(inspect.Signature(bare)) == expected


def test_every_public_function_has_its_signature_here() -> None:
    functions = {name for name in rxs.__all__ if inspect.isfunction(getattr(rxs, name))}
    assert functions <= set(SIGNATURES)


def test_chunks_begin_with_their_content() -> None:
    assert str(inspect.signature(rxs.StreamChunk)).startswith("(content: str, finish_reason:")
    fields = list(inspect.signature(rxs.StreamChunk).parameters)
    assert fields[:9] == [
        "content",
        "finish_reason",
        "index",
        "model",
        "choice",
        "reasoning",
        "tool_calls",
        "usage",
        "raw",
    ]
    fields = list(inspect.signature(rxs.StreamResult).parameters)
    assert fields == (
        [
            "content",
            "chunks",
            "finish_reason",
            "total_tokens",
            "usage",
            "tool_calls",
            "reasoning",
            "model",
            "metrics",
        ]
    )
