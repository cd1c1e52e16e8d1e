"""A tap that writes a recording."""

import json
from collections.abc import Callable
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, Disposable

from rxstream.engine.arguments import check_type
from rxstream.engine.observable import StreamObservable
from rxstream.engine.pipeline import named
from rxstream.items import Restarted, StreamChunk, ToolCallDelta, Usage

__all__ = ("record_stream",)

T = TypeVar("T", bound="str | StreamChunk")


@named
def record_stream(path: str | PathLike[str]) -> Callable[[Observable[T]], Observable[T]]:
    """Write what passes to a file that ``from_recording`` plays, with its timing; change nothing.

        rxs.run(rxs.from_stream(["Hel", "lo"]).pipe(rxs.record_stream("answer.jsonl")))
        print([chunk.content for chunk in rxs.run(rxs.from_recording("answer.jsonl"))])  #> ['Hel', 'lo', '']

    ``path``: of the file. It is written anew for each subscription, and at a ``Restarted``. It holds the
    answer and neither the prompt nor any key.

    Put it right behind the source: then the provider's own events are recorded. Chunks that an operator has
    rewritten, and text, are recorded as chat chunks that say the same. Each item is written when it passes,
    so what a crash leaves is a recording that stops in the middle, and plays as one. An error is recorded as
    a connection that died; a stream that the reader leaves, as one that stops. Nothing is kept.

    Raises TypeError for what is no path; as the stream's error OSError for one that cannot be written,
    TypeError for items that are neither text nor chunks. For figures instead of the answer there is
    ``measure_stream``.
    """
    check_type("record_stream()", "path", path, (str, PathLike), "the path of a file")
    where = Path(path)

    def operator(source: Observable[T]) -> Observable[T]:
        def subscribe(
            observer: abc.ObserverBase[T], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            assert scheduler is not None, "a stream of ours always has its pump"
            tape = _Tape(where, scheduler)

            def on_next(item: T) -> None:
                try:
                    tape.write(item)
                except (OSError, TypeError) as error:
                    observer.on_error(error)
                else:
                    observer.on_next(item)

            def on_error(error: Exception) -> None:
                tape.end(f"error: {type(error).__name__}: {error}"[:500])
                observer.on_error(error)

            def on_completed() -> None:
                try:
                    tape.finish()
                except OSError as error:
                    observer.on_error(error)
                else:
                    observer.on_completed()

            subscription = source.subscribe(on_next, on_error, on_completed, scheduler=scheduler)
            return CompositeDisposable(subscription, Disposable(lambda: tape.end("left by the reader")))

        return StreamObservable(subscribe)

    return operator


class _Tape:
    """The file: a header when the first item comes, an entry for each event, the end."""

    def __init__(self, path: Path, scheduler: abc.SchedulerBase) -> None:
        self._path = path
        self._scheduler = scheduler
        self._start = scheduler.now
        self._file: IO[str] | None = None
        self._ended = False
        self._restart()

    def _restart(self) -> None:
        """Begin a recording anew, in place of what has been written."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
        self._raw: Any = None
        self._is_responses = False
        self._finished = False

    def write(self, item: object) -> None:
        if isinstance(item, Restarted):
            self._restart()
            return
        if isinstance(item, StreamChunk):
            self._finished = self._finished or item.finish_reason is not None
            raw: Any = item.raw
            event = cast("dict[str, Any]", raw) if isinstance(raw, dict) else None
            if event is None:
                event = _chat_event(item)
            elif event is self._raw:
                return  # the other choice of an event that is written already
            self._raw = event
        elif isinstance(item, str):
            event = _chat_event(StreamChunk(item))
        else:
            msg = (
                f"record_stream() records answers: it expects str or StreamChunk items, and got "
                f"{type(item).__name__}: {item!r:.80}. Put it before the operator that makes those."
            )
            raise TypeError(msg)
        if self._file is None:
            self._open(event)
            if self._is_responses and isinstance(item, StreamChunk):
                # The event that named the response gave no chunk, so it did not pass here.
                named = {"id": item.id, "model": item.model}
                self._put_event({"type": "response.created", "response": named})
        self._put_event(event)

    def finish(self) -> None:
        """Write the end of a whole answer."""
        if self._file is None:
            self._open({})
        if not self._is_responses:
            if not self._finished:
                # Text has no finish reason of its own; it is complete, and so shall its recording be.
                self._put({"t": self._time(), "data": f"data: {json.dumps(_chat_event(_STOP))}\n\n"})
            self._put({"t": self._time(), "data": "data: [DONE]\n\n"})
        self.end("complete")

    def end(self, how: str) -> None:
        """Write how it ended, once; what ended it counts for more than whether that can be written."""
        if self._ended:
            return
        self._ended = True
        with suppress(OSError):
            if self._file is None:
                self._open(
                    {}
                )  # of a stream without an item, too: an older file must not pass for its recording
            self._put({"t": self._time(), "end": how})
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def _open(self, event: dict[str, Any]) -> None:
        self._is_responses = str(event.get("type", "")).startswith("response.")
        self._file = self._path.open("w", encoding="utf-8")
        endpoint = "responses" if self._is_responses else "chat/completions"
        self._put(
            {
                "note": "written by rxstream.record_stream",
                "request": {"method": "POST", "path": f"/v1/{endpoint}", "body": {"stream": True}},
                "response": {"status": 200, "headers": [["Content-Type", "text/event-stream"]]},
            }
        )

    def _time(self) -> float:
        return round((self._scheduler.now - self._start).total_seconds(), 6)

    def _put_event(self, event: dict[str, Any]) -> None:
        name = f"event: {event['type']}\n" if self._is_responses else ""
        self._put({"t": self._time(), "data": f"{name}data: {json.dumps(event)}\n\n"})

    def _put(self, entry: dict[str, Any]) -> None:
        assert self._file is not None
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


_STOP = StreamChunk("", "stop")


def _chat_event(chunk: StreamChunk) -> dict[str, Any]:
    """Write a chunk as an event of chat completions."""
    event: dict[str, Any] = {"object": "chat.completion.chunk", "id": chunk.id, "model": chunk.model}
    fields = {
        "role": chunk.role,
        "content": chunk.content,
        "reasoning_content": chunk.reasoning,
        "refusal": chunk.refusal,
        "tool_calls": [_call(call) for call in chunk.tool_calls],
    }
    delta = {name: value for name, value in fields.items() if value}
    if delta or chunk.finish_reason is not None or chunk.usage is None:
        choice: dict[str, Any] = {"index": chunk.choice, "delta": delta, "finish_reason": chunk.finish_reason}
        if chunk.logprobs is not None:
            choice["logprobs"] = chunk.logprobs
        event["choices"] = [choice]
    else:
        event["choices"] = []
    if chunk.usage is not None:
        event["usage"] = _usage(chunk.usage)
    return event


def _call(delta: ToolCallDelta) -> dict[str, Any]:
    return {
        "index": delta.index,
        "id": delta.id,
        "function": {"name": delta.name, "arguments": delta.arguments},
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
