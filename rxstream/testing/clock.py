"""Virtual time: minutes of waiting in a test pass at once, on asyncio and on trio.

Nothing is patched. asyncio gets an event loop whose selector, asked to wait, moves the loop's clock
instead of waiting; trio brings such a clock along. On both, a program in which every task waits and no
timer is pending would wait for ever: here it is an error that names the tasks.
"""

import asyncio
import math
import selectors
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextvars import Context
from typing import TYPE_CHECKING, Any, Literal, TypeVar, TypeVarTuple

import anyio

if TYPE_CHECKING:
    import trio

__all__ = ("VirtualClock",)

T = TypeVar("T")
Args = TypeVarTuple("Args")


_RUNTIMES = ("anyio", "asyncio", "trio")


class VirtualClock:
    """Runs an async function in virtual time, which starts at 0.0.

        async def patient():
            await anyio.sleep(3600)
            return anyio.current_time()

        print(VirtualClock().run(patient), VirtualClock().run(patient, backend="trio"))  #> 3600.0 3600.0

    When every task waits, the clock jumps to the next deadline: ``sleep``, ``move_on_after``,
    ``call_later`` and all that is built on them take no real time, and the work between them takes no
    virtual time.

    ``idle`` is how many *real* seconds nothing may happen before the clock jumps. 0 is right as long as
    nothing outside the event loop is awaited; give threads, sockets and processes something like 0.05,
    or a timeout will beat the fastest of them. ``patience`` is how many real seconds such things have
    when no timer is pending at all, before the program counts as stuck: then ``run`` raises RuntimeError.
    """

    def __init__(self, *, idle: float = 0.0, patience: float = 1.0) -> None:
        self._idle = idle
        self._patience = patience
        self._now: Callable[[], float] = float

    def time(self) -> float:
        """Give the virtual seconds since the start of the run; after it, when it ended."""
        return self._now()

    def run(
        self,
        async_fn: Callable[[*Args], Awaitable[T]],
        *args: *Args,
        backend: Literal["asyncio", "trio"] = "asyncio",
    ) -> T:
        """Run ``async_fn(*args)`` to its end and give its result. Each run starts at 0.0 again.

        Raises ``RuntimeError`` ("stuck: ...") when every task waits and no timer is pending.
        """
        if backend == "trio":
            return self._run_on_trio(async_fn, *args)
        selector = _JumpingSelector(self._idle, self._patience)
        self._now = selector.time
        options = {"loop_factory": lambda: _JumpingLoop(selector)}
        return anyio.run(async_fn, *args, backend="asyncio", backend_options=options)

    def _run_on_trio(self, async_fn: Callable[[*Args], Awaitable[T]], *args: *Args) -> T:
        import trio  # noqa: PLC0415 - optional
        import trio.testing  # noqa: PLC0415 - optional

        clock = trio.testing.MockClock(autojump_threshold=self._idle)
        self._now = clock.current_time
        watch = _TrioWatch(trio.CancelScope(), self._patience)

        results: list[T] = []

        async def main() -> T:
            watch.task = trio.lowlevel.current_task()
            try:
                with watch.scope:
                    results.append(await async_fn(*args))
            except BaseException as error:
                if watch.stuck is None:
                    raise
                # What the tasks made of being cancelled; the cause is that they were stuck.
                raise watch.stuck from error
            if watch.stuck is not None:
                raise watch.stuck
            return results[0]

        return anyio.run(main, backend="trio", backend_options={"clock": clock, "instruments": [watch]})


class _JumpingSelector(selectors.DefaultSelector):
    """Moves its clock on where another selector would wait."""

    def __init__(self, idle: float, patience: float) -> None:
        super().__init__()
        self._idle = idle
        self._patience = patience
        self._time = 0.0
        self.waiting: Callable[[], Iterable[tuple[str, object]]] = tuple

    def time(self) -> float:
        return self._time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        if timeout is None:
            events = super().select(self._patience)
            if not events:
                raise _stuck(self.waiting())
            return events
        if self._idle:
            events = super().select(self._idle)
        if not events:
            self._time += timeout
        return events


class _JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop that lives on the time of its selector."""

    def __init__(self, selector: _JumpingSelector) -> None:
        self._virtual = selector
        selector.waiting = lambda: ((task.get_name(), task.get_coro()) for task in asyncio.all_tasks(self))
        super().__init__(selector)

    def time(self) -> float:
        return self._virtual.time()

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.TimerHandle:
        if math.isinf(when):
            # ``anyio.sleep_forever`` sleeps until infinity: that is no deadline to jump to.
            return asyncio.TimerHandle(when, callback, args, self, context)
        return super().call_at(when, callback, *args, context=context)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        # Its threads end in real time: a virtual timeout would always be over before them.
        await super().shutdown_default_executor()


class _TrioWatch:
    """A trio instrument that finds out that nothing will ever happen again, and cancels everything.

    trio's own clock turns for ever in that case. (Not a subclass of ``trio.abc.Instrument``, since trio
    may be missing; trio asks only for the methods.)
    """

    def __init__(self, scope: "trio.CancelScope", patience: float) -> None:
        self.scope = scope
        self.task: trio.lowlevel.Task | None = None
        self.stuck: RuntimeError | None = None
        self._patience = patience
        self._since: float | None = None

    def before_task_step(self, _task: object) -> None:
        self._since = None

    def before_io_wait(self, _timeout: float) -> None:
        import trio  # noqa: PLC0415 - optional

        state = trio.lowlevel.current_statistics()
        if self.stuck is not None or state.tasks_runnable or state.seconds_to_next_deadline < math.inf:
            return
        now = time.perf_counter()
        if self._since is None:
            self._since = now
        elif now - self._since < self._patience:
            # trio is polling here without a pause; a thread that we wait for needs the processor.
            time.sleep(0.001)
        else:
            assert self.task is not None, "the first task sets it before it first waits"
            self.stuck = _stuck((task.name, task.coro) for task in _family(self.task))
            self.scope.cancel()


def _family(task: "trio.lowlevel.Task") -> "Iterator[trio.lowlevel.Task]":
    """Give a task and all that it started, at any depth."""
    yield task
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            yield from _family(child)


def _stuck(waiting: Iterable[tuple[str, object]]) -> RuntimeError:
    tasks = "".join(f"\n  {name} at {_place(coroutine)}" for name, coroutine in waiting)
    return RuntimeError(
        f"stuck: every task waits and no timer is pending, so nothing can happen any more. Waiting:{tasks}\n"
        "If one of them waits for a thread, a socket or a process, give it more real time with "
        "VirtualClock(patience=...)."
    )


def _place(coroutine: Any) -> str:
    """Follow the awaits inwards, to the last Python frame that is not the runtime's own."""
    innermost = own = ""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "ag_frame", None)
        if frame is not None:
            innermost = f"{frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_qualname}"
            if frame.f_globals.get("__name__", "").partition(".")[0] not in _RUNTIMES:
                own = innermost
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "ag_await", None)
    return own or innermost
