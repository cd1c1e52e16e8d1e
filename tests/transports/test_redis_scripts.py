"""Each script does its step as a whole, and may be run twice: the first answer may have been lost."""

import json
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from rxstream.transports import redis_scripts as scripts
from rxstream.transports.redis_scripts import Script
from tests.transports.redis_server import RedisServer, redis_server

__all__ = ("redis_server",)

LEASE, AGE = 10_000, 60_000
_numbers = count(1)


class Stream:
    """A stream with a producer whose token is ``here#1``."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.name = f"scripts-{next(_numbers)}"
        self.keys = [f"t:{{{self.name}}}:{part}" for part in ("info", "entries", "lease", "readers")]

    def run(self, script: Script, *args: Any) -> Any:
        return self.client.eval(script.text, len(self.keys), *self.keys, *args)

    def create(self, token: str = "here#1", *owner: str) -> int:
        owned = ("1", *owner) if owner else ("0",)
        found: int = self.run(scripts.CREATE, token, LEASE, AGE, "{}", *owned)
        return found

    def append(
        self,
        *data: str,
        before: int = 0,
        number: int = 1,
        token: str = "here#1",
        last: bool = False,
        bounds: tuple[int, int] = (100, 1000),
        told: int = 1000,
    ) -> int:
        flat = [piece for text in data for piece in ("=chunk", text)]
        end = "1" if last else "0"
        found: int = self.run(
            scripts.APPEND, token, number, before, LEASE, AGE, *bounds, end, self.name, told, "here", *flat
        )
        return found

    def read(self, after: int = 0, count: int = 100, size: int = 1000, channel: str = "") -> list[Any]:
        found: list[Any] = self.run(scripts.READ, after, count, size, channel, 10_000)
        return found

    def lose(self) -> None:
        self.client.delete(self.keys[2])

    def holder(self) -> bytes | None:
        found: bytes | None = self.client.get(self.keys[2])
        return found

    def info(self, field: str) -> bytes | None:
        found: bytes | None = self.client.hget(self.keys[0], field)
        return found


@pytest.fixture
def stream(redis_server: RedisServer) -> Iterator[Stream]:
    with redis_server.client() as client:
        yield Stream(client)


def test_a_stream_is_made_once_and_its_maker_may_ask_again(stream: Stream) -> None:
    assert stream.create() == 1
    assert stream.create() == 1
    assert stream.create("there#1") == 0
    assert stream.read() == [1, 1, 0, 0, 1]
    stream.lose()
    assert stream.create() == 0


def test_an_append_that_came_through_does_not_come_through_again(stream: Stream) -> None:
    stream.create()
    assert stream.append("a", "b") == 2
    assert stream.append("a", "b") == 2
    assert stream.append("c", before=2, number=2, last=True) == 3
    assert stream.append("c", before=2, number=2, last=True) == 3, "nor does the last one, which has no lease"
    assert stream.append("a", "b") == -2, "an old one comes late"
    assert stream.read() == [1, 1, 3, 1, 0, b"=chunk", b"a", b"=chunk", b"b", b"=chunk", b"c"]


def test_a_lease_that_ran_out_is_taken_again_unless_somebody_else_has(stream: Stream) -> None:
    stream.create()
    stream.lose()
    assert stream.append("a") == 1
    assert stream.holder() == b"here#1"
    stream.lose()
    assert stream.run(scripts.RENEW, "here#1", LEASE, AGE, 1) == 0
    assert stream.holder() == b"here#1"
    stream.lose()
    assert stream.run(scripts.ADOPT, "there#1", LEASE, AGE) == [1, 0]
    assert stream.run(scripts.ADOPT, "there#1", LEASE, AGE) == [1, 0], "whoever got it may ask again"
    assert stream.run(scripts.ADOPT, "third#1", LEASE, AGE) == [-1]
    assert stream.append("b", before=1, number=2) == -2
    assert stream.run(scripts.RENEW, "here#1", LEASE, AGE, 1) == -2
    assert stream.append("b", before=1, token="there#1") == 2
    stream.lose()
    # Nobody holds it, but somebody has written: what this one has in mind no longer follows.
    assert stream.append("c", before=1, number=2) == -2
    assert stream.run(scripts.RENEW, "here#1", LEASE, AGE, 1) == -2
    assert stream.run(scripts.RENEW, "there#1", LEASE, AGE, 1) == 0, "an append that it has not heard of yet"


def test_a_renewal_that_comes_behind_the_end_has_lost_nothing(stream: Stream) -> None:
    stream.create()
    stream.append("a", last=True)
    assert stream.run(scripts.RENEW, "here#1", LEASE, AGE, 0) == 0
    assert stream.holder() is None
    assert stream.run(scripts.ADOPT, "there#1", LEASE, AGE) == [-1]
    assert stream.run(scripts.STOP, stream.name) == 0


def test_what_is_not_there_is_not_made(stream: Stream) -> None:
    assert stream.append("a") == -1
    assert stream.run(scripts.RENEW, "here#1", LEASE, AGE, 0) == -1
    assert stream.run(scripts.ADOPT, "here#1", LEASE, AGE) == [-1]
    assert stream.run(scripts.IDLE) == -1
    assert stream.run(scripts.STOP, stream.name) == 0
    assert stream.run(scripts.RELEASE, "here#1", stream.name, "here", AGE) == 0
    assert stream.run(scripts.LEAVE, "here") == 1
    assert stream.run(scripts.INFO) == []
    assert stream.read(channel="there") == [0]
    assert stream.client.exists(*stream.keys) == 0


def test_the_oldest_entries_go_first_and_the_count_of_bytes_stays_right(stream: Stream) -> None:
    stream.create()
    newest = 0
    for number in range(1, 200):
        newest = stream.append("x" * (number % 7), "€", before=newest, number=number, bounds=(100, 50))
        (
            _,
            oldest,
            newest_read,
            *_,
        ) = stream.read(newest, 0)
        found = stream.read(oldest - 1, 500, 10_000)[5:]
        held = sum(len(data) for data in found[1::2])
        assert newest_read == newest
        assert len(found) // 2 == newest - oldest + 1
        assert int(stream.info("bytes") or 0) == held <= 50
        assert held + 6 + 3 > 50 or oldest == 1, "no more goes than has to"


def test_far_more_than_fits_is_cut_at_once(stream: Stream) -> None:
    stream.create()
    assert stream.append(*(str(number) for number in range(300)), bounds=(3, 10_000)) == 300
    assert stream.read()[:3] == [1, 298, 300]
    assert stream.append("x" * 99, before=300, number=2, bounds=(100, 10)) == 301
    assert stream.read()[:3] == [1, 301, 301], "the newest is kept, however long"


def test_entries_that_redis_evicted_are_missed_and_not_waited_for(stream: Stream) -> None:
    stream.create()
    stream.append("a", "b")
    stream.client.delete(stream.keys[1])
    assert stream.read() == [1, 3, 2, 0, 1]
    assert stream.append("c", before=2, number=2) == 3
    assert stream.read() == [1, 3, 3, 0, 1, b"=chunk", b"c"]
    assert stream.info("bytes") == b"1"


def test_somebody_else_at_the_keys_makes_no_loop_for_ever(stream: Stream) -> None:
    stream.create()
    stream.append("a", "b", "c")
    stream.client.xdel(stream.keys[1], "2-0")
    stream.client.hset(stream.keys[0], "bytes", 5000)
    assert stream.append("d", before=3, number=2) == 4


def test_a_look_brings_as_much_as_was_asked_for(stream: Stream) -> None:
    stream.create()
    stream.append("aaaa", "bbbb", "cccc")
    assert len(stream.read(0, 2)) == 5 + 4
    assert len(stream.read(0, 100, 5)) == 5 + 4, "the one that goes over the size is the last"
    assert stream.read(3) == [1, 1, 3, 0, 1]
    assert stream.read(99) == [1, 1, 3, 0, 1]


def test_those_who_read_elsewhere_are_told_and_nobody_else_is(stream: Stream) -> None:
    stream.create("here#1", "ann")
    assert stream.run(scripts.INFO) == [0, 0, 0, 1, b"{}", b"ann"]
    heard = stream.client.pubsub()
    with heard:
        heard.subscribe("here", "there", "gone")
        assert [heard.get_message(timeout=1.0)["type"] for _ in range(3)] == ["subscribe"] * 3
        stream.read(channel="here")
        stream.read(channel="there")
        stream.client.zadd(stream.keys[3], {"gone": time.time() * 1000 - 1})
        stream.append("a", '"\\/\x00\x7f')
        stream.append("b", before=2, number=2, told=0)
        stream.run(scripts.STOP, stream.name)
        stream.run(scripts.RELEASE, "here#1", stream.name, "here", AGE)
        stream.run(scripts.DELETE, stream.name)
        stream.run(scripts.NUDGE, "there")
        messages: list[tuple[str, Any]] = []
        while len(messages) < 7 and (message := heard.get_message(timeout=1.0)) is not None:
            data = message["data"]
            messages.append((message["channel"].decode(), json.loads(data) if data else None))
        assert messages[0] == ("there", [stream.name, 1, False, ["=chunk", "a", "=chunk", '"\\/\x00\x7f']])
        assert messages[1] == ("there", [stream.name, 3, False, {}]), "look for yourself: it is too much"
        assert messages[2] == ("here", [stream.name, "stop"])
        assert messages[3] == ("there", [stream.name])
        assert {channel for channel, _ in messages[4:6]} == {"here", "there"}
        assert messages[4][1] == messages[5][1] == [stream.name]
        assert messages[6:] == [("there", None)]
        heard.unsubscribe()


def test_it_is_idle_from_when_the_last_process_has_left(stream: Stream) -> None:
    stream.create()
    time.sleep(0.02)
    assert 15 <= stream.run(scripts.IDLE) < 10_000
    stream.read(channel="here")
    stream.read(channel="there")
    assert stream.run(scripts.IDLE) == 0
    stream.run(scripts.LEAVE, "here")
    assert stream.run(scripts.IDLE) == 0
    stream.run(scripts.LEAVE, "there")
    time.sleep(0.005)
    assert 4 <= stream.run(scripts.IDLE) < 10_000
    # One that was killed counts for as long as it had said.
    stream.client.hset(stream.keys[0], "idle", 0)
    stream.client.zadd(stream.keys[3], {"killed": time.time() * 1000 - 500})
    assert 499 <= stream.run(scripts.IDLE) < 10_000


def test_all_keys_of_a_stream_go_at_one_time(stream: Stream) -> None:
    stream.create()
    stream.read(channel="there")
    stream.append("a")
    stream.read(channel="there")
    left = [stream.client.pttl(key) for key in stream.keys]
    for at in (0, 1, 3):
        assert AGE - 5000 < left[at] <= AGE
    assert LEASE - 5000 < left[2] <= LEASE
    stream.run(scripts.RELEASE, "here#1", stream.name, "here", 30)
    time.sleep(0.05)
    assert stream.client.exists(*stream.keys) == 0


def test_a_stop_is_kept_for_a_producer_who_did_not_hear_it(stream: Stream) -> None:
    stream.create()
    assert stream.run(scripts.STOP, stream.name) == 1
    assert stream.run(scripts.RENEW, "here#1", LEASE, AGE, 0) == 1
    stream.run(scripts.RELEASE, "here#1", stream.name, "here", AGE)
    assert stream.run(scripts.STOP, stream.name) == 0, "there is nobody to ask"
    assert stream.run(scripts.ADOPT, "there#1", LEASE, AGE) == [0, 1]


def test_the_name_of_a_script_is_what_redis_calls_it(stream: Stream) -> None:
    for name in scripts.__all__:
        script = getattr(scripts, name)
        if isinstance(script, Script):
            assert stream.client.script_load(script.text) == script.sha
