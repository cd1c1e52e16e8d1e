import pickle

import pytest

from rxstream import errors
from rxstream.errors import (
    ConnectionLost,
    InvalidJSON,
    InvalidValue,
    ProviderError,
    RxStreamError,
    StreamError,
    StreamTruncated,
    TextError,
    TooDeep,
    UnknownName,
    UsageError,
)
from rxstream.items import StreamResult

ERRORS = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("error", ERRORS)
def test_the_root_catches_every_error(error: type[Exception]) -> None:
    assert issubclass(error, RxStreamError)
    assert error.__doc__


def test_a_stream_error_always_has_what_had_come() -> None:
    assert StreamError("gone").partial == StreamResult("")
    partial = StreamResult("half")
    assert StreamTruncated("gone", partial=partial).partial is partial
    assert str(StreamTruncated("gone", partial=partial)) == "gone"


def test_two_errors_share_no_partial() -> None:
    assert StreamError("a").partial is not StreamError("b").partial


def test_a_lost_connection_is_a_truncated_stream() -> None:
    with pytest.raises(StreamTruncated):
        raise ConnectionLost("gone")


def test_a_provider_error_says_what_the_provider_said() -> None:
    error = ProviderError("no", body={"a": 1}, code="c", type="t", status=500, partial=StreamResult("half"))
    assert (error.body, error.code, error.type, error.status) == ({"a": 1}, "c", "t", 500)
    assert error.partial.content == "half"
    bare = ProviderError("no")
    assert (bare.body, bare.code, bare.type, bare.status) == (None, None, None, None)


def test_a_fault_in_json_says_where_it_is_also_behind_a_pickle() -> None:
    error = TooDeep("no", expected="a", got="b", offset=7, line=2, column=3, context="c")
    copied = pickle.loads(pickle.dumps(error))
    assert isinstance(copied, InvalidJSON)
    assert isinstance(copied, TextError)
    assert vars(copied) == vars(error)
    assert (copied.expected, copied.got, copied.offset, copied.line, copied.column) == ("a", "b", 7, 2, 3)
    value = pickle.loads(pickle.dumps(InvalidValue("no", path="$.a", value=1)))
    assert (str(value), value.path, value.value) == ("no", "$.a", 1)


def test_an_unknown_name_is_a_value_error_too() -> None:
    assert issubclass(UnknownName, ValueError)
    assert issubclass(UnknownName, UsageError)


def test_an_error_of_the_program_is_none_of_the_stream() -> None:
    for error in ERRORS:
        assert not (issubclass(error, UsageError) and issubclass(error, StreamError))
