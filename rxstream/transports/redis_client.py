"""How a log talks to Redis: on asyncio by ``redis.asyncio``, on trio by the plain client in a worker thread.

Whatever is asked for while Redis is at work on something goes out together in one pipeline, so a thousand
streams need one connection, one task and, on trio, one thread; one more of each listens.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, Final

import anyio

from rxstream.engine.backend import loop_clock, running_backend, running_loop, spawn
from rxstream.errors import LogError, UsageError
from rxstream.transports.redis_scripts import NUDGE, Script

__all__ = ("RedisClient",)

#: So many calls go out together: what they bring back is in memory at once.
_TOGETHER: Final = 64
#: Seconds before the first attempt to reach Redis again; twice as many before each further one, up to:
_DELAY, _LONGEST_DELAY = 0.02, 1.0
#: Seconds after which the listener looks whether it is to stop.
_TURN: Final = 1.0


class Call:
    """A script that Redis is to run, and what came of it."""

    __slots__ = ("args", "deadline", "done", "error", "keys", "reply", "script")

    def __init__(self, script: Script, keys: Sequence[str], args: Sequence[Any], deadline: float) -> None:
        self.script = script
        self.keys = [_encoded(key) for key in keys]
        self.args = [_encoded(arg) for arg in args]
        self.deadline = deadline
        self.done = anyio.Event()
        self.reply: Any = None
        self.error: LogError | None = None

    def fail(self, error: LogError) -> None:
        """Let whoever waits for it learn why there is no answer."""
        self.error = error
        self.done.set()

    def succeed(self, reply: Any) -> None:
        """Let whoever waits for it have the answer."""
        self.reply = reply
        self.done.set()


class RedisClient:
    """The two connections of one log: one for all of its calls, one that listens.

    ``patience``: seconds for which a call is tried again while Redis cannot be reached.
    """

    def __init__(self, url: str, *, patience: float) -> None:
        self._patience = patience
        self._url = url
        self._package = _package()
        self.place = self._checked()
        self._client: Any = None
        self._loop: object = None
        self._clock: Callable[[], float] = float
        self._limiter: anyio.CapacityLimiter | None = None
        self._queue: deque[Call] = deque()
        self._flushed: anyio.Event | None = None
        self._ear: anyio.CancelScope | None = None
        self._deaf: anyio.Event | None = None
        self._channel = ""
        self._closing = False
        #: Whether nothing can be asked for any more.
        self.closed = False

    async def call(self, script: Script, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Have Redis run a script; give its answer. If the wait is cancelled, it may be run all the same.

        Raises ``LogError`` if Redis cannot be reached for ``patience`` seconds, or refuses.
        """
        return await self.outcome(self.post(script, keys, args))

    async def outcome(self, call: Call) -> Any:
        """Wait for the answer to what was posted."""
        await call.done.wait()
        if call.error is not None:
            raise call.error
        return call.reply

    def post(self, script: Script, keys: Sequence[str], args: Sequence[Any]) -> Call:
        """Have Redis run a script, behind all that it was asked for before, and wait for nothing."""
        self._check()
        return self._put(script, keys, args)

    def listen(self, channel: str, heard: Callable[[bytes | None], None], *, silence: float) -> None:
        """Listen on a channel from now on; None is heard where something may have been missed.

        Whoever has heard nothing for ``silence`` seconds connects anew: have it nudged more often than that.
        """
        self._check()
        if self._ear is None:
            self._open()
            self._channel = channel
            self._ear, self._deaf = anyio.CancelScope(), anyio.Event()
            listening = partial(self._listen, self._ear, channel, heard, silence)
            spawn(listening, "rxstream redis listener", self._deaf.set)

    def is_here(self) -> bool:
        """Tell whether this is the event loop that it lives in."""
        return running_backend() is not None and running_loop() is self._loop

    def refuse(self) -> None:
        """Take no more calls."""
        self.closed = True

    async def aclose(self) -> None:
        """Send what is left to send, if Redis is there, and close both connections."""
        self.refuse()
        if self._closing:
            return
        with anyio.CancelScope(shield=True):
            if self._ear is not None:
                self._put(NUDGE, (), (self._channel,))
            self._closing = True
            while self._flushed is not None:
                await self._flushed.wait()
            if self._ear is not None:
                assert self._deaf is not None
                self._ear.cancel()
                await self._deaf.wait()
            if self._client is not None:
                await self._close(self._client)

    def _check(self) -> None:
        if self.closed:
            raise LogError(f"the log at {self.place} is closed: nothing can be read or written any more")

    def _checked(self) -> str:
        """Name the place of the server without its password, or refuse the URL."""
        try:
            options = import_module("redis.connection").parse_url(self._url)
        except ValueError:
            # Its text may be a piece of the password.
            raise ValueError(
                "RedisLog() expects a URL such as redis://user:password@host:6379/0, rediss://... or "
                "unix:///path?db=0 (with what is special in the password written as %XX), and got "
                "something else; it is not repeated here, since there may be a password in it"
            ) from None
        if "path" in options:
            return f"unix://{options['path']}"
        return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}/{options.get('db', 0)}"

    def _open(self) -> None:
        if self._client is not None:
            if not self.is_here():
                raise UsageError(
                    f"the log at {self.place} is open in another event loop: make a RedisLog for each, or "
                    "close it there with aclose() first"
                )
            return
        self._loop, self._clock = running_loop(), loop_clock()
        home = "redis"
        if running_backend() == "asyncio":
            home = "redis.asyncio"
        else:
            self._limiter = anyio.CapacityLimiter(2)
        module, connection = import_module(home), import_module(f"{home}.connection")
        backoff, retry = import_module("redis.backoff"), import_module(f"{home}.retry")
        limit = min(self._patience, 5.0)
        options: dict[str, Any] = {
            "socket_timeout": limit,
            "socket_connect_timeout": limit,
            "socket_keepalive": True,
            **connection.parse_url(self._url),
            # What the rest of this file stands on.
            "decode_responses": False,
            "protocol": 2,
            "max_connections": 8,
            "retry": retry.Retry(backoff.NoBackoff(), 0),
        }
        if "path" in options:
            del options["socket_keepalive"]
        self._client = module.Redis.from_pool(module.ConnectionPool(**options))

    def _put(self, script: Script, keys: Sequence[str], args: Sequence[Any]) -> Call:
        self._open()
        call = Call(script, keys, args, self._clock() + self._patience)
        self._queue.append(call)
        if self._flushed is None:
            self._flushed = flushed = anyio.Event()
            spawn(partial(self._flush, flushed), "rxstream redis calls", partial(self._end_flush, flushed))
        return call

    def _end_flush(self, flushed: anyio.Event) -> None:
        if not flushed.is_set():
            self._flushed = None
            flushed.set()
            # Somebody is left only if the event loop ends, and took the task along.
            self._fail(self._queue, None)
            self._queue.clear()

    async def _flush(self, flushed: anyio.Event) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(_TOGETHER, len(self._queue)))]
            try:
                await self._run(batch)
            except Exception as error:  # noqa: BLE001 - whoever waits for an answer gets it
                self._fail(batch, error)
            finally:
                self._fail(batch, None)
        # At once: until the task is known to be over, somebody may come and count on it.
        self._end_flush(flushed)

    async def _run(self, batch: list[Call]) -> None:
        """Ask until all is answered, or patience is at its end."""
        delay = _DELAY
        while True:
            failure: Exception
            try:
                batch, failure = await self._ask(batch)
            except Exception as error:
                if not self._passes(error):
                    raise
                failure = error
            now = self._clock()
            given_up = [call for call in batch if self._closing or call.deadline <= now]
            # Those that stand behind these, too: whoever waits for them may have gone.
            late = [call for call in self._queue if call.deadline <= now]
            for call in late:
                self._queue.remove(call)
            self._fail([*given_up, *late], failure)
            batch = [call for call in batch if not call.done.is_set()]
            if not batch:
                return
            await anyio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311
            delay = min(delay * 2, _LONGEST_DELAY)

    async def _ask(self, batch: list[Call]) -> tuple[list[Call], Exception]:
        """Ask once; give those calls that are to be made again, and why."""
        unseen: type[Exception] = self._package.exceptions.NoScriptError
        replies = await self._execute(batch, known=True)
        new = [at for at, reply in enumerate(replies) if isinstance(reply, unseen)]
        if new:
            # A server that was restarted, or is new: it keeps what it is told now.
            for at, reply in zip(
                new, await self._execute([batch[at] for at in new], known=False), strict=True
            ):
                replies[at] = reply
        again: list[Call] = []
        failure: Exception = LogError("")
        for call, reply in zip(batch, replies, strict=True):
            if not isinstance(reply, Exception):
                call.succeed(reply)
            elif self._passes(reply):
                again.append(call)
                failure = reply
            else:
                call.fail(self._explained(reply))
        if again:
            # Its addresses may have changed: a replica has taken over.
            with suppress(Exception):
                await self._do(self._client.connection_pool.disconnect)
        return again, failure

    async def _execute(self, batch: list[Call], *, known: bool) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for call in batch:
            if known:
                pipeline.evalsha(call.script.sha, len(call.keys), *call.keys, *call.args)
            else:
                pipeline.eval(call.script.text, len(call.keys), *call.keys, *call.args)
        return await self._do(pipeline.execute, raise_on_error=False)  # type: ignore[no-any-return]

    async def _do(self, method: Callable[..., Any], **options: Any) -> Any:
        if self._limiter is None:
            return await method(**options)
        return await anyio.to_thread.run_sync(partial(method, **options), limiter=self._limiter)

    async def _close(self, what: Any) -> None:
        with suppress(Exception):
            await self._do(what.close if self._limiter is not None else what.aclose)

    def _passes(self, error: Exception) -> bool:
        """Tell whether it may be better in a moment."""
        errors: Any = self._package.exceptions
        if isinstance(error, (errors.AuthenticationError, errors.AuthorizationError)):
            return False
        passing = (
            errors.ConnectionError,
            errors.TimeoutError,
            errors.ReadOnlyError,
            errors.TryAgainError,
            errors.ClusterDownError,
            OSError,
        )
        return isinstance(error, passing)

    def _fail(self, calls: Iterable[Call], error: Exception | None) -> None:
        for call in calls:
            if not call.done.is_set():
                call.fail(self._explained(error))

    def _explained(self, error: Exception | None) -> LogError:
        """Say what is wrong and what to do."""
        errors: Any = self._package.exceptions
        advice = "it refuses what the log needs: Redis 6.2 or newer, scripts (EVAL), XADD, and PUBLISH"
        if error is None:
            advice = "the event loop ended before it had answered"
        elif isinstance(error, (errors.AuthenticationError, errors.AuthorizationError)):
            advice = "it does not let us in: look at user and password in the log's URL"
        elif isinstance(error, errors.NoPermissionError):
            advice = (
                "its user lacks a right that the log needs: EVAL, EVALSHA, PUBLISH, SUBSCRIBE, on keys and "
                "channels that begin with its prefix"
            )
        elif isinstance(error, errors.OutOfMemoryError):
            advice = "its memory is full: raise its maxmemory, or lower max_events, max_bytes or max_age"
        elif isinstance(error, errors.MovedError):
            advice = "it is one node of a cluster, which the log can only use through a proxy"
        elif self._passes(error):
            advice = (
                f"it could not be reached for {self._patience:g} seconds: see that it runs there, and is not "
                "busy; what was to be written may or may not be there"
            )
        failure = LogError(
            f"the log's Redis server at {self.place}: {advice} ({type(error).__name__}: {error!s:.300})"
        )
        failure.__cause__ = error
        return failure

    async def _listen(
        self, scope: anyio.CancelScope, channel: str, heard: Callable[[bytes | None], None], silence: float
    ) -> None:
        delay = _DELAY
        with scope:
            while not self._closing:
                pubsub = self._client.pubsub()
                try:
                    await self._do(partial(pubsub.subscribe, channel))
                    last = self._clock()
                    while not self._closing and self._clock() - last < silence:
                        message = await self._do(pubsub.get_message, timeout=min(_TURN, silence))
                        if message is None:
                            continue
                        last, delay = self._clock(), _DELAY
                        heard(message["data"] if message["type"] == "message" else None)
                except Exception:  # noqa: BLE001 - the calls, which go the same way, tell what is wrong
                    await anyio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311
                    delay = min(delay * 2, _LONGEST_DELAY)
                finally:
                    with anyio.CancelScope(shield=True):
                        await self._close(pubsub)


def _encoded(value: Any) -> Any:
    """Encode text here: one that the package refuses would take its whole pipeline along."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def _package() -> Any:
    try:
        return import_module("redis")
    except ImportError as error:
        raise ImportError(
            "RedisLog() needs the package redis, which is not installed: pip install 'rxstream[redis]'"
        ) from error
