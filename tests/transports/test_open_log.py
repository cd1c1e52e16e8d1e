"""A log is made of the text that names it, and of no other."""

from pathlib import Path

import pytest

from rxstream.errors import UnknownName
from rxstream.transports.memory_log import MemoryLog
from rxstream.transports.open_log import open_log
from rxstream.transports.redis_log import RedisLog
from rxstream.transports.sqlite_log import SQLiteLog


def test_each_log_has_its_name(tmp_path: Path) -> None:
    assert isinstance(open_log("memory"), MemoryLog)
    log = open_log(f"sqlite:{tmp_path / 'a:b.db'}")
    assert isinstance(log, SQLiteLog)
    assert log.path == str(tmp_path / "a:b.db")
    assert list(tmp_path.iterdir()) == [], "nothing is opened before it is used"
    for url in ("redis://localhost:1/0", "rediss://user:secret@localhost:1/0"):
        assert isinstance(open_log(url), RedisLog)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Memory",
        "memory:",
        "sqlite",
        "sqlite:",
        "sqlite: ",
        "streams.db",
        "redis:localhost",
        "redis",
        "://",
    ],
)
def test_anything_else_is_told_in_one_line(text: str) -> None:
    with pytest.raises(UnknownName, match=r"'memory', 'sqlite:PATH', 'redis://.*'rediss://") as caught:
        open_log(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["redis://user:secret@localhost:port/0", "http://user:secret@localhost/"])
def test_a_password_is_not_told(text: str) -> None:
    with pytest.raises(UnknownName) as caught:
        open_log(text)
    assert "secret" not in str(caught.value)
    assert "redis://" in str(caught.value)


def test_a_file_that_is_none_is_told_too() -> None:
    with pytest.raises(UnknownName, match="path of a file"):
        open_log("sqlite::memory:")
    with pytest.raises(TypeError, match="named by a str"):
        open_log(None)  # type: ignore[arg-type]
