"""The parts of one application: answers that wait, streams that are stopped, trouble that is told."""

from typing import Any

import anyio
import pytest

import rxstream as rxs
from rxstream.service.refusals import PublicError
from rxstream.service.service import Service
from rxstream.service.settings import Limits, Settings
from rxstream.transports.log import LogWriter, StreamLog
from tests.service.test_plans import REQUEST, Chunks, delta

pytestmark = pytest.mark.anyio


def service(client: Any = None, log: StreamLog | None = None, **options: Any) -> Service:
    return Service(Settings(model="m", **options), log=log or StreamLog.memory(), client=client or Chunks())


class Ends(Exception):
    """An error that quotes an address."""


async def test_an_answer_fails_in_public_words() -> None:
    class Client:
        class chat:  # noqa: N801
            class completions:  # noqa: N801
                @staticmethod
                async def create(**_: Any) -> Any:
                    raise Ends("http://10.0.0.1 says no")

    with pytest.raises(PublicError, match="inside the service") as raised:
        await rxs.to_list(service(Client()).answer(REQUEST, None))
    assert raised.value.status_code == 500


async def test_who_waits_for_too_long_is_told_by_a_status() -> None:
    one = service(Chunks(delta("Hi")), limits=Limits(max_concurrent=1, max_wait=0.01))
    await one.gate.enter(None)
    with pytest.raises(PublicError) as raised:
        await rxs.to_list(one.answer(REQUEST, None))
    assert (raised.value.status_code, raised.value.code) == (503, "overloaded")


# ---------------------------------------------------------------- stopping


async def test_what_is_not_there_or_has_ended_is_stopped_already() -> None:
    one = service()
    await one.stop("nothing")
    writer = await one.log.create("over")
    await writer.append([("done", "{}")], last=True)
    await writer.aclose()
    await one.stop("over")
    info = await one.log.info("over")
    assert info is not None
    assert info.newest == 1


async def test_stop_waits_until_the_producer_has_ended() -> None:
    one = service()
    writer = await one.log.create("running")
    await writer.append([("chunk", "{}")])
    ended = False

    async def produce() -> None:
        nonlocal ended
        await writer.stop_asked()
        await anyio.sleep(0.02)
        ended = True
        await writer.append([("done", "{}")], last=True)
        await writer.aclose()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(produce)
        await one.stop("running")
        assert ended


async def test_stop_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rxstream.service.service._PATIENCE", 0.02)
    one = service()
    writer = await one.log.create("deaf")
    await writer.append([("chunk", "{}")])
    await one.stop("deaf")
    await writer.aclose()


async def test_a_producer_that_dies_while_it_is_stopped_is_no_error() -> None:
    one = service()
    writer = await one.log.create("dying")

    async def die() -> None:
        await writer.stop_asked()
        await writer.aclose()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(die)
        await one.stop("dying")


async def orphan(log: StreamLog, name: str, dialect: str) -> None:
    writer: LogWriter = await log.create(name, meta={"dialect": dialect})
    await writer.append([("chunk", '{"content":"Hel","finish_reason":null}')])
    await writer.aclose()


async def test_an_orphan_that_is_stopped_gets_its_end() -> None:
    one = service()
    await orphan(one.log, "lost", "rxstream")
    await one.stop("lost")
    info = await one.log.info("lost")
    assert info is not None
    assert info.ended
    entries = [entry async for batch in one.log.read("lost") for entry in batch]
    assert entries[-1].data == '{"done":true,"stopped":true}'  # type: ignore[union-attr]


async def test_somebody_else_may_be_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    one = service()
    await orphan(one.log, "wanted", "rxstream")

    async def taken(_: str) -> None:
        """Find it taken."""

    monkeypatch.setattr(one.log, "adopt", taken)
    await one.stop("wanted")


# ---------------------------------------------------------------- trouble


class SlowLog(StreamLog):
    """A log that does not answer, or fails."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__(max_events=1, max_bytes=1, max_age=1)
        self.error = error
        self.asked = 0

    async def info(self, stream: str) -> Any:
        self.asked += 1
        if self.error is None:
            await anyio.sleep_forever()
        raise self.error or AssertionError

    async def _unused(self, *_: Any, **__: Any) -> Any:
        raise AssertionError

    create = adopt = stop = delete = _unused

    def read(self, stream: str, after: int = 0) -> Any:
        raise AssertionError

    async def aclose(self) -> None:
        """Let go."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (None, "does not answer"),
        (rxs.LogError("disk /secret"), "cannot be read"),
        (OSError("no"), "cannot be read"),
    ],
    ids=["silent", "broken", "gone"],
)
async def test_trouble_with_the_log_is_told(
    error: Exception | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rxstream.service.service._PATIENCE", 0.02)
    log = SlowLog(error)
    one = service(log=log)
    found: list[dict[str, str]] = []

    async def look() -> None:
        found.append(await one.troubles())

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(look)
    assert all(words in troubles["log"] for troubles in found)
    assert "secret" not in str(found)
    assert log.asked == 1


async def test_what_works_is_no_trouble_until_it_shuts_down() -> None:
    one = service()
    assert await one.troubles() == {}
    await one.drain(0.0)
    assert await one.troubles() == {"service": "it is shutting down"}
    await one.aclose()
