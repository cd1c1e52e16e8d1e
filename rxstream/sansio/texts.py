"""Machines on text, made to take an answer's chunks as well.

A text machine knows ``str``. Here it learns what a chunk is: its text is ``content``, a finish reason ends
the text (a machine of its own begins behind it), and two choices of one answer are two texts, which must
never run together.
"""

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rxstream.errors import InvalidJSON, MixedChoices
from rxstream.items import StreamChunk, Text
from rxstream.sansio import Machine

__all__ = ("Rewriter", "Splitter", "carries_more", "refusal", "rewriter", "splitter")

_BYTES: Any = (bytes, bytearray, memoryview)


class _OnText:
    """What both kinds share: the machine of the current text, and which choice it belongs to."""

    __slots__ = ("_choice", "_factory", "_feed", "_machine", "_operator")

    def __init__(
        self, factory: Callable[[], Machine[str, Any]], first: Machine[str, Any], operator: str
    ) -> None:
        self._factory = factory
        self._operator = operator
        self._choice: int | None = None
        self._begin(first)

    def _begin(self, machine: Machine[str, Any]) -> None:
        self._machine: Any = machine
        self._feed: Callable[[str], Iterable[Any]] = machine.feed

    def _refuse(self, item: object) -> TypeError:
        return refusal(self._operator, item)

    def _take(self, chunk: StreamChunk) -> None:
        """Take on the choice of the first text; refuse any other one's."""
        if self._choice is None:
            self._choice = chunk.choice
            return
        msg = (
            f"{self._operator} works on one text, and got chunks of choice {self._choice} and of choice "
            f"{chunk.choice} of one answer. Pick one before it: "
            f"ops.filter(lambda chunk: chunk.choice == {self._choice})."
        )
        raise MixedChoices(msg)


class Splitter(_OnText):
    """Text or chunks in, the text machine's own items out."""

    __slots__ = ()

    def feed(self, item: Text) -> Iterable[Any]:
        """Feed an item's text; a finish reason closes it."""
        if item.__class__ is str:
            return self._feed(item)  # pyright: ignore[reportArgumentType]
        if not isinstance(item, StreamChunk):
            if isinstance(item, str):
                return self._feed(str(item))
            raise self._refuse(item)
        content = item.content
        if content and item.choice != self._choice:
            self._take(item)
        if item.finish_reason is None:
            return self._feed(content) if content else ()
        return self._finish(content, item.finish_reason) if item.choice == self._choice else ()

    def _finish(self, content: str, reason: str) -> Iterator[Any]:
        if content:
            yield from self._feed(content)
        if self._machine is not None:
            try:
                yield from self._machine.close()
            except InvalidJSON as fault:
                if reason != "stop":
                    fault.add_note(f"The answer ended with finish_reason {reason!r}: it may be cut off.")
                raise
            # The next text begins when it does: behind the last one there is none, and none is closed.
            self._machine = None
            self._feed = self._feed_first

    def _feed_first(self, content: str) -> Iterable[Any]:
        if not content:
            return ()
        self._begin(self._factory())
        return self._feed(content)

    def close(self) -> Iterable[Any]:
        """Close the current text."""
        return () if self._machine is None else self._machine.close()


class _ByteSplitter(Splitter):
    """A splitter that takes bytes as well, as UTF-8.

    A byte that is none becomes half of a surrogate pair (PEP 383): text that no machine on JSON lets
    through, so that it is refused where it stands if it matters, and not where it does not.
    """

    __slots__ = ("_decoder",)

    def __init__(
        self, factory: Callable[[], Machine[str, Any]], first: Machine[str, Any], operator: str
    ) -> None:
        super().__init__(factory, first, operator)
        self._decoder = getincrementaldecoder("utf-8")("surrogateescape")

    def feed(self, item: Any) -> Iterable[Any]:
        """Feed an item's text; bytes are decoded."""
        if item.__class__ is str:  # first, since it runs for every token
            return self._feed(item)
        if isinstance(item, _BYTES):
            item = self._decoder.decode(bytes(item))
        return super().feed(item)

    def _refuse(self, item: object) -> TypeError:
        return refusal(self._operator, item, "str, bytes or StreamChunk")

    def close(self) -> Iterator[Any]:
        """Close the current text, with the character that the last byte has cut in two."""
        rest = self._decoder.decode(b"", final=True)
        if rest:
            yield from self._feed(rest)
        yield from super().close()


class Rewriter(_OnText):
    """Text in, text out; chunks in, chunks out, with the text that the machine makes of theirs.

    A chunk whose text changes gives up what would still show the old one: ``raw`` and ``logprobs``.
    """

    __slots__ = ("_last",)

    def __init__(
        self, factory: Callable[[], Machine[str, str]], first: Machine[str, str], operator: str
    ) -> None:
        super().__init__(factory, first, operator)
        self._last: StreamChunk | None = None

    def feed(self, item: Text) -> Iterable[Text]:  # noqa: C901 - one case a line
        """Feed an item's text; a chunk that has nothing left to carry is dropped."""
        if item.__class__ is str:
            return self._feed(item)  # pyright: ignore[reportArgumentType]
        if not isinstance(item, StreamChunk):
            if isinstance(item, str):
                return self._feed(str(item))
            raise self._refuse(item)
        content = item.content
        if content and item.choice != self._choice:
            self._take(item)
        self._last = item
        pieces: list[str] = []
        try:
            if content:
                pieces.extend(self._feed(content))
            if item.finish_reason is not None and item.choice == self._choice:
                pieces.extend(self._machine.close())
                self._begin(self._factory())
        except Exception as error:  # noqa: BLE001 - raised behind the text that came before it
            return _then_raise(item, "".join(pieces), error)
        text = "".join(pieces)
        if getattr(self._machine, "finished", False):
            return (_with_text(item, text, item.finish_reason or "stop"),)
        if text == content:
            return (item,)
        if text or carries_more(item):
            return (_with_text(item, text, item.finish_reason),)
        return ()

    def close(self) -> Iterable[Text]:
        """Release what was held back."""
        rest: Iterable[str] = self._machine.close()
        return rest if self._last is None else self._as_chunk(rest, self._last)

    @staticmethod
    def _as_chunk(rest: Iterable[str], last: StreamChunk) -> Iterator[Text]:
        text = "".join(rest)
        if text:
            yield StreamChunk(text, None, last.index, last.model, last.choice, role=last.role, id=last.id)


class _FinishingSplitter(Splitter):
    """A splitter whose machine may know its end by itself."""

    __slots__ = ()

    @property
    def finished(self) -> bool:
        return bool(getattr(self._machine, "finished", False))


class _FinishingRewriter(Rewriter):
    """A rewriter whose machine may know its end by itself, as a stop sequence does."""

    __slots__ = ()

    @property
    def finished(self) -> bool:
        return bool(self._machine.finished)


def splitter(
    factory: Callable[[], Machine[str, Any]], operator: str, *, takes_bytes: bool = False
) -> Splitter:
    """Make a machine on text or chunks of a text machine that gives items of its own.

    ``takes_bytes``: on bytes as well, which are UTF-8; only for machines that refuse a lone surrogate.
    """
    first = factory()
    kind = _FinishingSplitter if hasattr(first, "finished") else Splitter
    if takes_bytes:
        kind = _ByteSplitter
    return kind(factory, first, operator)


def rewriter(factory: Callable[[], Machine[str, str]], operator: str) -> Rewriter:
    """Make a machine on text or chunks of a text machine that gives text."""
    first = factory()
    kind = _FinishingRewriter if hasattr(first, "finished") else Rewriter
    return kind(factory, first, operator)


def refusal(operator: str, item: object, wanted: str = "str or StreamChunk") -> TypeError:
    """Make the error for an item that is no text."""
    todo = "Map the items to text first: ops.map(...)."
    if isinstance(item, _BYTES):
        todo = (
            "Decode them before it, and not each by itself, which breaks a character that is cut in two: "
            "codecs.iterdecode(pieces, 'utf-8')."
        )
    return TypeError(
        f"{operator} works on text: it expects {wanted} items, and got {type(item).__name__}: "
        f"{item!r:.80}. {todo}"
    )


def carries_more(chunk: StreamChunk) -> bool:
    """Tell whether a chunk carries something besides its text."""
    return bool(
        chunk.finish_reason
        or chunk.reasoning
        or chunk.tool_calls
        or chunk.usage is not None
        or chunk.refusal
        or chunk.role
    )


def _with_text(chunk: StreamChunk, text: str, finish_reason: str | None) -> StreamChunk:
    return StreamChunk(
        text,
        finish_reason,
        chunk.index,
        chunk.model,
        chunk.choice,
        chunk.reasoning,
        chunk.tool_calls,
        chunk.usage,
        role=chunk.role,
        id=chunk.id,
        refusal=chunk.refusal,
    )


def _then_raise(chunk: StreamChunk, text: str, error: Exception) -> Iterator[StreamChunk]:
    if text:
        yield _with_text(chunk, text, None)
    raise error
