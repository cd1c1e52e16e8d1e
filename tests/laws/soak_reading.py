"""How a stream of the soak run is read and left, and what is due to whoever reads it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import openai
from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from rxstream.engine.backend import running_backend
from rxstream.errors import AllStreamsFailed, StreamError
from rxstream.items import Restarted, StreamChunk, StreamResult, Tagged
from rxstream.sansio.answer import Answer
from tests.laws.soak_draw import Draw

__all__ = ("Due", "Heard", "Left", "Reading", "check", "check_by_source", "name_of")

_WAYS = ("whole", "break", "raise", "cancel", "close", "take", "deadline", "task")
_WEIGHTS = (6, 1, 1, 1, 0.5, 1, 1, 1)


class Left(Exception):
    """What a reader raises, and must get back as it is."""


def name_of(error: BaseException) -> str:
    """Name an error so that it can be expected."""
    if isinstance(error, openai.APIStatusError):
        return f"HTTP {error.status_code}"
    if isinstance(error, AllStreamsFailed):
        return f"AllStreamsFailed({', '.join(map(name_of, error.exceptions))})"
    return type(error).__name__


@dataclass(slots=True)
class Heard:
    """What a reader got."""

    #: All items, also those that a ``Restarted`` has made void.
    all: list[Any] = field(default_factory=list[Any])
    #: "completed", "failed", or "left" by the reader.
    ended: str = "left"
    error: Exception | None = None

    @property
    def items(self) -> list[Any]:
        """Those that hold."""
        at = max((n for n, item in enumerate(self.all) if isinstance(item, Restarted)), default=-1)
        return self.all[at + 1 :]

    @property
    def text(self) -> str:
        return "".join([item if isinstance(item, str) else item.content for item in self.items])

    @property
    def result(self) -> StreamResult:
        answer = Answer()
        for item in self.items:
            answer.add(item)
        return answer.result()

    @property
    def said(self) -> str:
        """How it ended, for the count."""
        return self.ended if self.error is None else name_of(self.error)


class Reading:
    """One way to read a stream, drawn."""

    def __init__(self, draw: Draw, *, ways: tuple[str, ...] = _WAYS) -> None:
        weights = [_WEIGHTS[_WAYS.index(way)] for way in ways]
        self.way = draw.one("read", ways, weights)
        self._count = 0 if self.way == "whole" else draw.count("items", 1, 40)
        #: Until it is cancelled.
        self._seconds = draw.seconds("for", 0.6) if self.way in {"deadline", "task"} else 0.0
        # At every so many items, for so long.
        self._every = draw.one("pause every", (0, 1, 5, 20), (6, 1, 1, 1))
        self._pause = draw.seconds("pause", 0.01) if self._every else 0.0

    async def read(self, observable: Observable[Any]) -> Heard:
        """Read it; how that ended is in what was heard."""
        heard = Heard()
        if self.way == "take":
            observable = observable.pipe(ops.take(self._count))
        if self.way == "task" and running_backend() == "asyncio":
            # That kind of cancellation comes once, and only once.
            task = asyncio.create_task(self._read_safely(observable, heard))
            await asyncio.wait((task,), timeout=self._seconds)
            task.cancel()
            await asyncio.wait((task,))
            if not task.cancelled():
                task.result()
        else:
            await self._read_safely(observable, heard)
        if self.way == "take" and heard.ended == "completed" and len(heard.all) == self._count:
            heard.ended = "left"
        return heard

    async def _read_safely(self, observable: Observable[Any], heard: Heard) -> None:
        boom = Left("the reader")
        with anyio.CancelScope() as scope:
            if self._seconds:
                scope.deadline = anyio.current_time() + self._seconds
            try:
                await self._read(observable, heard, scope, boom)
            except Exception as error:
                if error is not boom:
                    heard.ended, heard.error = "failed", error

    async def _read(
        self, observable: Observable[Any], heard: Heard, scope: anyio.CancelScope, boom: Left
    ) -> None:
        async with rxs.open_stream(observable) as items:
            async for item in items:
                heard.all.append(item)
                if len(heard.all) == self._count:
                    if self.way == "break":
                        return
                    if self.way == "raise":
                        raise boom
                    if self.way == "close":
                        await items.aclose()
                        return
                    if self.way == "cancel":
                        scope.cancel()
                if self._every and len(heard.all) % self._every == 0:
                    await anyio.sleep(self._pause)
        # Cancelled at the very end, it has heard all the same.
        heard.ended = "completed"


@dataclass(slots=True)
class Due:
    """What may be heard of a stream."""

    #: One of these, from its beginning.
    texts: tuple[str, ...]
    #: Whether it may end well.
    completes: bool = True
    #: The names of the errors of which one may end it.
    errors: frozenset[str] = frozenset()
    #: "chunks": of an answer, all of them. "pieces" of it, lossless. "some" of it, in order. "late": from
    #: some point on.
    shape: str = "pieces"
    reasons: tuple[str, ...] = ("stop", "tool_calls")

    def check_text(self, heard: Heard) -> None:
        said, whole = heard.text, heard.ended == "completed"
        if self.shape == "some":
            assert any(_comes_in_order(heard.items, text) for text in self.texts), "wrong pieces"
        elif self.shape == "late":
            assert any(text.endswith(said) if whole else said in text for text in self.texts), "wrong text"
        elif whole:
            assert said in self.texts, f"wrong text: {said!r}"
        else:
            assert any(text.startswith(said) for text in self.texts), f"wrong beginning: {said!r}"

    def check_chunks(self, heard: Heard) -> None:
        chunks = heard.items
        assert [chunk.index for chunk in chunks] == list(range(len(chunks))), "chunks out of line"
        if heard.ended == "completed":
            result = heard.result
            assert result.finish_reason in self.reasons, f"finish reason {result.finish_reason!r}"
            assert result.usage is not None, "no usage"
            assert result.usage.completion_tokens > 0, "usage of nothing"
        elif isinstance(heard.error, StreamError):
            assert heard.error.partial.content == heard.text, "the partial is not what came"


def check(heard: Heard, due: Due) -> Heard:
    """Hold what was heard against what was due."""
    try:
        if heard.ended == "completed":
            assert due.completes, f"it ended well, and was to fail with one of {sorted(due.errors)}"
        elif heard.error is not None:
            assert heard.said in due.errors, f"it failed with {heard.said}, and due was {sorted(due.errors)}"
        due.check_text(heard)
        if due.shape == "chunks":
            due.check_chunks(heard)
        elif isinstance(heard.error, StreamError) and due.shape == "pieces":
            assert heard.error.partial.content.startswith(heard.text), "the partial is not what came"
    except AssertionError as failure:
        raise failure from heard.error
    return heard


def check_by_source(heard: Heard, dues: Mapping[int | str, Due], *, errors: frozenset[str]) -> Heard:
    """The same for a stream of ``Tagged`` items, each source by itself."""
    parts = {source: Heard(ended="left" if heard.error else heard.ended) for source in dues}
    for item in heard.all:
        assert item.__class__ is Tagged
        parts[item.source].all.append(item.item)
    for source, part in parts.items():
        check(part, dues[source])
    if heard.error is not None:
        try:
            assert heard.said in errors, f"it failed with {heard.said}, and due was {sorted(errors)}"
            assert any(" of " in note for note in getattr(heard.error, "__notes__", ())), "no note of whose"
        except AssertionError as failure:
            raise failure from heard.error
    return heard


def _comes_in_order(items: list[Any], text: str) -> bool:
    at, last = 0, -1
    for item in items:
        piece = item if isinstance(item, str) else item.content
        at = text.find(piece, at)
        if at < 0 or (isinstance(item, StreamChunk) and item.index <= last):
            return False
        at += len(piece)
        last = item.index if isinstance(item, StreamChunk) else last
    return True
