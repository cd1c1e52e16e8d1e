"""What the encoders of messages have in common."""

import pytest

from rxstream.errors import MalformedStream, MixedChoices
from rxstream.items import StreamChunk, ToolCallDelta, Usage
from rxstream.transports.dialects.contract import Dialect
from rxstream.transports.dialects.encoding import MessageEncoder
from tests.transports.dialects.laws import ALL

ONE_ANSWER = [dialect for dialect in ALL if isinstance(dialect.encoder(), MessageEncoder)]


class Writer(MessageEncoder):
    """An encoder of nothing."""

    dialect = "nothing"
    prefix = "made-"


@pytest.mark.parametrize("dialect", ONE_ANSWER, ids=lambda dialect: dialect.name)
def test_a_second_answer_is_refused(dialect: Dialect) -> None:
    encoder = dialect.encoder()
    encoder.feed(StreamChunk("a", choice=1))
    encoder.feed(StreamChunk("", usage=Usage(1)))
    encoder.feed(StreamChunk("", role="assistant"))
    with pytest.raises(MixedChoices, match=rf"{dialect.name}.*chunk\.choice == 1"):
        encoder.feed(StreamChunk("b"))


def test_calls_are_told_apart_and_named() -> None:
    writer = Writer()
    first, new = writer.add_call(ToolCallDelta(None, None, "f", '{"x":1}'))
    assert new
    assert writer.name_of(first).startswith("made-")
    second, new = writer.add_call(ToolCallDelta(None, "b", "g", ""))
    assert new
    assert writer.finish_calls(behind=second) == [first]
    _, new = writer.add_call(ToolCallDelta(None, "b", None, "{}"))
    assert not new
    assert writer.name_of(second) == "b"
    assert writer.finish_all_calls() == [second]
    assert writer.finish_all_calls() == []


def test_more_behind_whole_arguments_is_white_space_or_a_fault() -> None:
    writer = Writer()
    call, _ = writer.add_call(ToolCallDelta(0, "a", "f", "{}"))
    assert writer.finish_calls() == [call]
    assert writer.add_call(ToolCallDelta(0, "a", None, "\n")) == (call, False)
    with pytest.raises(MalformedStream, match=r"tool call 'a' \(f\) were whole"):
        writer.add_call(ToolCallDelta(0, "a", None, "{"))


def test_a_restart_forgets() -> None:
    writer = Writer()
    writer.take(StreamChunk("a"))
    writer.add_call(ToolCallDelta(0, "a", "f", "{"))
    writer.restart()
    writer.take(StreamChunk("b", choice=1))
    assert writer.finish_all_calls() == []
    assert writer.add_call(ToolCallDelta(0, "a", "f", "{}"))[1]
