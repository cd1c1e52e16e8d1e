"""A buffer that watches a stream."""

from typing import Any

from reactivex import Observable, abc
from reactivex.disposable import Disposable

from rxstream.items import Restarted, StreamChunk, Text

__all__ = ("StreamBuffer",)


class StreamBuffer(Observable[Any], abc.ObserverBase[Any]):
    """Keep what a stream has brought, for whoever looks, now or later.

        buffer = rxs.StreamBuffer()
        await rxs.to_list(rxs.from_stream(["Hel", "lo"]).pipe(ops.do(buffer)))
        print(buffer.content, buffer.chunk_count, buffer.is_complete)  #> Hello 2 True
        print(await rxs.to_list(buffer))  #> ['Hel', 'lo']

    It is an observer: subscribe it, put it into a chain as here, or feed it by ``append``, ``mark_complete``
    and ``mark_error``. And it is an Observable: whoever subscribes, however late, gets every chunk from the
    first, then what is still to come, and the end.

    ``chunks`` are the StreamChunk or str items themselves, ``content`` their text, ``chunk_count`` their
    number, ``is_complete`` whether the stream has ended, well or badly, ``error`` what it ended in. At a
    ``Restarted`` the chunks before it are dropped; behind the end nothing is taken. It keeps everything: its
    memory is the answer.

    ``content`` raises TypeError where items are no text. For readers that come while the stream runs, with a
    bound on what is kept, there is ``share_stream``; to come back from another process, ``StreamLog``.
    """

    #: It speaks when it is spoken to, not when it is asked (see ``engine.hot``).
    is_hot = True

    def __init__(self) -> None:
        super().__init__(self._replay)
        #: Every chunk so far, in order.
        self.chunks: list[Any] = []
        #: Whether the stream has ended, well or badly.
        self.is_complete = False
        #: What it ended in, if that was an error.
        self.error: Exception | None = None
        self._observers: list[abc.ObserverBase[Any]] = []
        self._content = ""
        self._joined = 0

    @property
    def content(self) -> str:
        """The text so far."""
        if self._joined < len(self.chunks):
            new = map(_text, self.chunks[self._joined :])
            self._content = "".join((self._content, *new))
            self._joined = len(self.chunks)
        return self._content

    @property
    def chunk_count(self) -> int:
        """How many chunks have come."""
        return len(self.chunks)

    def on_next(self, value: Text | Restarted) -> None:
        """Keep a chunk; at a ``Restarted`` drop those before it. Behind the end nothing is taken."""
        if not self.is_complete:
            if value.__class__ is Restarted:
                self.chunks = []
                self._content, self._joined = "", 0
            else:
                self.chunks.append(value)
            for observer in tuple(self._observers):
                observer.on_next(value)

    def on_completed(self) -> None:
        """Learn that the stream is complete."""
        for observer in self._end(None):
            observer.on_completed()

    def on_error(self, error: Exception) -> None:
        """Learn that the stream has failed."""
        for observer in self._end(error):
            observer.on_error(error)

    append = on_next
    mark_complete = on_completed
    mark_error = on_error

    def _end(self, error: Exception | None) -> list[abc.ObserverBase[Any]]:
        if self.is_complete:
            return []
        self.is_complete = True
        self.error = error
        observers, self._observers = self._observers, []
        return observers

    def _replay(
        self, observer: abc.ObserverBase[Any], _scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        for chunk in tuple(self.chunks):
            observer.on_next(chunk)
        if self.error is not None:
            observer.on_error(self.error)
        elif self.is_complete:
            observer.on_completed()
        else:
            self._observers.append(observer)

        def leave() -> None:
            if observer in self._observers:
                self._observers.remove(observer)

        return Disposable(leave)


def _text(chunk: object) -> str:
    if isinstance(chunk, StreamChunk):
        return chunk.content
    if isinstance(chunk, str):
        return chunk
    raise TypeError(
        f"StreamBuffer.content puts text together: it expects str or StreamChunk items, and got "
        f"{type(chunk).__name__}: {chunk!r:.80}. The items themselves are in StreamBuffer.chunks."
    )
