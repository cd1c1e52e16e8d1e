"""The wire of one response, in virtual time."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from rxstream.transports.sse_framing import HEARTBEAT
from rxstream.transports.sse_wire import Wire
from tests.transports.asgi import Ask

InVirtualTime = Callable[[Callable[[], Awaitable[Any]]], Any]
Work = Callable[[Wire], Awaitable[None]]


async def nothing(_: Wire) -> None:
    pass


class App:
    """An application that does some work on a wire."""

    def __init__(self, work: Work, farewell: Work = nothing, **options: float) -> None:
        self._work = work
        self._farewell = farewell
        self._options = {"heartbeat": 15.0, "deadline": 30.0, **options}
        self.wire: Wire

    async def __call__(self, _: Any, receive: Any, send: Any) -> None:
        headers = [(b"x-test", b"1")]
        wire = self.wire = Wire(receive, send, 200, headers, **self._options)
        await wire.run(lambda: self._work(wire), lambda: self._farewell(wire))


def test_a_heartbeat_comes_after_silence_and_only_then(in_virtual_time: InVirtualTime) -> None:
    async def work(wire: Wire) -> None:
        await wire.put(b"a")
        await anyio.sleep(35)
        await wire.put(b"b")
        for _ in range(5):
            await anyio.sleep(14)
            await wire.put(b"c")
        await wire.finish(b"d")

    async def main() -> None:
        ask = await Ask(App(work)).run()
        assert ask.parts == [b"a", HEARTBEAT, HEARTBEAT, b"b", *[b"c"] * 5, b"d"]
        assert ask.times[1:3] == [15, 30]
        assert ask.headers == {"x-test": "1"}
        assert ask.ended

    in_virtual_time(main)


def test_silence_before_the_first_item_makes_the_status(in_virtual_time: InVirtualTime) -> None:
    async def work(wire: Wire) -> None:
        assert not await wire.is_started()
        assert wire.is_silent()
        await anyio.sleep(20)
        assert await wire.is_started()
        assert not wire.is_silent()
        await wire.finish(b"x")

    async def main() -> None:
        ask = await Ask(App(work)).run()
        assert ask.parts == [HEARTBEAT, b"x"]
        assert ask.times == [15, 20]

    in_virtual_time(main)


def test_what_comes_close_goes_out_together(in_virtual_time: InVirtualTime) -> None:
    async def work(wire: Wire) -> None:
        for letter in b"abcdef":
            await wire.put(bytes([letter]))
        await anyio.sleep(1)
        for letter in b"gh":
            await wire.put(bytes([letter]))
        await wire.finish(b"i")

    async def main() -> None:
        ask = await Ask(App(work)).run()
        assert ask.body == b"abcdefghi"
        # Each of the two times the first went out by itself, and the others soon behind it, the end at once.
        assert ask.parts == [b"a", b"bcdef", b"g", b"hi"]
        assert ask.times == pytest.approx([0, 0.01, 1, 1])

    in_virtual_time(main)


def test_no_more_is_held_than_makes_a_write(in_virtual_time: InVirtualTime) -> None:
    async def work(wire: Wire) -> None:
        for _ in range(100):
            await wire.put(b"x" * 1000)
        await wire.finish(b"")

    async def main() -> None:
        ask = await Ask(App(work)).run()
        assert len(ask.body) == 100_000
        assert max(map(len, ask.parts)) <= 17_000
        assert len(ask.parts) < 12

    in_virtual_time(main)


def test_a_slow_client_gets_everything_in_order(in_virtual_time: InVirtualTime) -> None:
    async def slowly(message: Any) -> None:
        await anyio.sleep(len(message.get("body", b"")) % 3)

    async def work(wire: Wire) -> None:
        for number in range(50):
            await wire.put(b"%d " % number)
            if number % 7 == 0:
                await anyio.sleep(number % 5)
        await wire.finish(b"end")

    async def main() -> None:
        ask = await Ask(App(work, heartbeat=0.7), takes=slowly).run()
        heard = ask.body.replace(HEARTBEAT, b"")
        assert heard == b"".join([b"%d " % number for number in range(50)]) + b"end"

    in_virtual_time(main)


def test_the_client_leaves_while_nothing_is_sent(in_virtual_time: InVirtualTime) -> None:
    async def main() -> None:
        ask = Ask(App(lambda _: anyio.sleep_forever()))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask.run)
            await anyio.sleep(100)
            ask.leave()
        assert anyio.current_time() == 100
        assert ask.app.wire.reason == "disconnect"
        assert not ask.ended

    in_virtual_time(main)


@pytest.mark.parametrize("error", [BrokenPipeError(), anyio.BrokenResourceError()], ids=["os", "anyio"])
def test_a_send_says_that_the_client_has_gone(in_virtual_time: InVirtualTime, error: Exception) -> None:
    async def work(wire: Wire) -> None:
        await wire.put(b"a")
        ask.leave()
        with anyio.CancelScope(shield=True):  # a watch that hears nothing of it
            await wire.put_now(b"b")
        raise AssertionError("it has gone")

    ask = Ask(None, raises=error)
    app = ask.app = App(work)

    async def main() -> None:
        await ask.run()
        assert app.wire.reason == "disconnect"

    in_virtual_time(main)


def test_the_last_send_may_fail_too(in_virtual_time: InVirtualTime) -> None:
    async def work(wire: Wire) -> None:
        await wire.put(b"a")
        ask.leave()
        await wire.finish(b"b")

    ask = Ask(None, raises=OSError())
    app = ask.app = App(work)

    async def main() -> None:
        await ask.run()
        assert app.wire.reason == "disconnect"
        assert not app.wire.over

    in_virtual_time(main)


def test_a_heartbeat_finds_out_that_the_client_has_gone(in_virtual_time: InVirtualTime) -> None:
    async def deaf() -> Any:
        await anyio.sleep_forever()

    async def work(wire: Wire) -> None:
        await wire.put(b"a")
        ask.leave()
        await anyio.sleep_forever()

    ask = Ask(None, raises=OSError())
    app = ask.app = App(work)

    async def main() -> None:
        await app(ask.scope, deaf, ask.send)
        assert app.wire.reason == "disconnect"
        assert anyio.current_time() == 15

    in_virtual_time(main)


def test_a_send_that_takes_too_long_is_given_up(in_virtual_time: InVirtualTime) -> None:
    async def stall(message: Any) -> None:
        if message.get("body") == b"c":
            await anyio.sleep_forever()

    async def work(wire: Wire) -> None:
        await wire.put(b"a")
        await anyio.sleep(7)
        await wire.put(b"b")
        await anyio.sleep(4)
        await wire.put(b"c")

    async def main() -> None:
        ask = await Ask(App(work), takes=stall).run()
        assert anyio.current_time() == 41
        assert ask.app.wire.reason == "deadline"
        assert ask.parts == [b"a", b"b"]

    in_virtual_time(main)


def test_a_heartbeat_that_takes_too_long_is_given_up_too(in_virtual_time: InVirtualTime) -> None:
    async def stall(message: Any) -> None:
        if message.get("body") == HEARTBEAT:
            await anyio.sleep_forever()

    async def work(wire: Wire) -> None:
        await wire.put(b"a")
        await anyio.sleep_forever()

    async def main() -> None:
        ask = await Ask(App(work), takes=stall).run()
        assert anyio.current_time() == 45
        assert ask.app.wire.reason == "deadline"

    in_virtual_time(main)


def test_the_stream_waits_for_what_is_sent_from_beside(in_virtual_time: InVirtualTime) -> None:
    async def slowly(message: Any) -> None:
        if message.get("body") == HEARTBEAT:
            await anyio.sleep(10)

    async def work(wire: Wire) -> None:
        await wire.put(b"a")
        await anyio.sleep(16)
        await wire.put(b"b")
        await wire.put(b"c")
        await anyio.sleep(16)
        assert await wire.is_started()
        await wire.finish(b"d")

    async def main() -> None:
        ask = await Ask(App(work), takes=slowly).run()
        assert ask.parts == [b"a", HEARTBEAT, b"b", b"c", HEARTBEAT, b"d"]
        assert ask.times == pytest.approx([0, 25, 25, 25.01, 50.01, 50.01])

    in_virtual_time(main)


def test_told_to_end_it_has_a_last_word(in_virtual_time: InVirtualTime) -> None:
    async def work(wire: Wire) -> None:
        await wire.put(b"a")
        await anyio.sleep_forever()

    async def main() -> None:
        app = App(work, lambda wire: wire.finish(b"bye"))
        ask = Ask(app)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask.run)
            await anyio.sleep(3)
            app.wire.end()
            app.wire.end()
        assert anyio.current_time() == 3
        assert ask.parts == [b"a", b"bye"]
        assert ask.ended
        assert app.wire.reason == "shutdown"
        app.wire.end()

    in_virtual_time(main)


def test_told_to_end_in_the_middle_of_a_send_it_finishes_that(in_virtual_time: InVirtualTime) -> None:
    async def slowly(message: Any) -> None:
        await anyio.sleep(5 if message.get("body") == b"b" else 0)

    async def work(wire: Wire) -> None:
        await wire.put(b"a")
        await anyio.sleep(1)
        await wire.put(b"b")
        await wire.put(b"never")
        await wire.finish(b"never")

    async def main() -> None:
        app = App(work, lambda wire: wire.finish(b"bye"))
        ask = Ask(app, takes=slowly)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask.run)
            await anyio.sleep(3)
            app.wire.end()
        assert ask.parts == [b"a", b"b", b"bye"]

    in_virtual_time(main)


class Held:
    """Work that puts two things close to each other, and then, after some seconds, something else."""

    def __init__(self, more: bytes = b"", after: float = float("inf")) -> None:
        self._more = more
        self._after = after

    async def __call__(self, wire: Wire) -> None:
        await wire.put(b"a")
        await wire.put(b"b")
        await anyio.sleep(self._after)
        await wire.put(self._more)
        await wire.finish(b"end")


def taking(seconds: float) -> Callable[[Any], Awaitable[None]]:
    """Give a client that takes its time for what was held."""

    async def take(message: Any) -> None:
        await anyio.sleep(seconds if message.get("body") == b"b" else 0)

    return take


def test_what_is_held_is_sent_in_its_order_and_by_one_at_a_time(in_virtual_time: InVirtualTime) -> None:
    async def main() -> None:
        ask = await Ask(App(Held(b"c", 1)), takes=taking(5)).run()
        assert ask.parts == [b"a", b"b", b"c", b"end"] or ask.parts == [b"a", b"b", b"cend"]
        assert ask.times[:2] == pytest.approx([0, 5.01])

    in_virtual_time(main)


def test_what_is_held_has_a_deadline_too(in_virtual_time: InVirtualTime) -> None:
    async def main() -> None:
        app = App(Held())
        ask = await Ask(app, takes=taking(1000)).run()
        assert app.wire.reason == "deadline"
        assert 30 < anyio.current_time() < 61
        assert not ask.ended

    in_virtual_time(main)


@pytest.mark.parametrize("second", [1, 3])
def test_told_to_end_while_held_data_is_sent_it_finishes_that(
    in_virtual_time: InVirtualTime, second: float
) -> None:
    """Also if the main task waits for its turn by then."""

    async def main() -> None:
        app = App(Held(b"c", 2), lambda wire: wire.finish(b"bye"))
        ask = Ask(app, takes=taking(5))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask.run)
            await anyio.sleep(second)
            app.wire.end()
        assert ask.parts == [b"a", b"b", b"bye"]
        assert app.wire.reason == "shutdown"

    in_virtual_time(main)


def test_a_server_that_says_so_while_held_data_is_sent_has_lost_its_client(
    in_virtual_time: InVirtualTime,
) -> None:
    async def break_off(message: Any) -> None:
        if message.get("body") == b"b":
            raise OSError("gone")

    async def main() -> None:
        app = App(Held())
        await Ask(app, takes=break_off).run()
        assert app.wire.reason == "disconnect"
        assert anyio.current_time() == pytest.approx(0.01)

    in_virtual_time(main)


def test_the_last_word_has_a_deadline_too(in_virtual_time: InVirtualTime) -> None:
    async def stall(message: Any) -> None:
        if message.get("body") == b"bye":
            await anyio.sleep_forever()

    async def main() -> None:
        app = App(lambda _: anyio.sleep_forever(), lambda wire: wire.finish(b"bye"))
        ask = Ask(app, takes=stall)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask.run)
            await anyio.sleep(3)
            app.wire.end()
        assert anyio.current_time() == 33
        assert app.wire.reason == "deadline"

    in_virtual_time(main)


def test_what_the_work_raises_comes_out_as_it_is(in_virtual_time: InVirtualTime) -> None:
    async def work(_: Wire) -> None:
        raise LookupError("mine")

    async def main() -> None:
        with pytest.raises(LookupError, match="mine"):
            await Ask(App(work)).run()

    in_virtual_time(main)


def refusing(part: bytes) -> Callable[[Any], Awaitable[None]]:
    """Give a middleware that raises an error of its own for one of the parts."""

    async def fail(message: Any) -> None:
        if message.get("body") == part:
            raise RuntimeError("a middleware's own")

    return fail


@pytest.mark.parametrize("part", [b"a", b"b"])
def test_what_a_send_raises_comes_out_and_nothing_more_is_sent(
    in_virtual_time: InVirtualTime, part: bytes
) -> None:
    """A middleware's own, for example."""

    async def work(wire: Wire) -> None:
        try:
            await wire.put(b"a")
            await wire.finish(b"b")
        except RuntimeError:  # the stream's errors are told to the client
            await wire.finish(b"never")

    async def main() -> None:
        ask = Ask(App(work), takes=refusing(part))
        with pytest.raises(RuntimeError, match="own"):
            await ask.run()
        assert ask.parts == ([] if part == b"a" else [b"a"])

    in_virtual_time(main)


@pytest.mark.parametrize("part", [b"b", HEARTBEAT])
def test_what_a_send_from_beside_raises_comes_out_as_it_is(
    in_virtual_time: InVirtualTime, part: bytes
) -> None:
    """Of what was held, and of a heartbeat."""

    async def main() -> None:
        ask = Ask(App(Held()), takes=refusing(part))
        with pytest.raises(RuntimeError, match="own"):
            await ask.run()
        assert ask.parts == ([b"a"] if part == b"b" else [b"a", b"b"])

    in_virtual_time(main)


def test_another_status_has_a_whole_body(in_virtual_time: InVirtualTime) -> None:
    async def main() -> None:
        ask = await Ask(App(lambda wire: wire.refuse(404, [(b"x-no", b"1")], b"nothing"))).run()
        assert (ask.status, ask.headers, ask.parts, ask.ended) == (404, {"x-no": "1"}, [b"nothing"], True)

    in_virtual_time(main)


def test_a_body_that_nobody_asked_for_does_no_harm(in_virtual_time: InVirtualTime) -> None:
    async def work(wire: Wire) -> None:
        for _ in range(3):
            await checkpoint()
        await wire.finish(b"x")

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def main() -> None:
        ask = Ask(App(work))
        await ask.app(ask.scope, receive, ask.send)
        assert ask.body == b"x"

    in_virtual_time(main)


def test_cancelled_from_outside_it_is_cancelled(in_virtual_time: InVirtualTime) -> None:
    async def main() -> None:
        ask = Ask(App(lambda _: anyio.sleep_forever()))
        with anyio.move_on_after(5) as limit:
            await ask.run()
        assert limit.cancelled_caught
        assert ask.app.wire.reason is None

    in_virtual_time(main)


def test_a_server_that_hears_of_its_own_end_first_has_not_lost_the_client(
    in_virtual_time: InVirtualTime,
) -> None:
    async def leave(message: Any) -> None:
        if message.get("more_body") is False:
            ask.gone.set()
            await anyio.sleep(0.1)
            ask.gone = anyio.Event()

    ask = Ask(None, takes=leave)
    app = ask.app = App(lambda wire: wire.finish(b"x"))

    async def main() -> None:
        ask.gone = anyio.Event()
        await ask.run()
        assert app.wire.over
        assert app.wire.reason is None

    in_virtual_time(main)
