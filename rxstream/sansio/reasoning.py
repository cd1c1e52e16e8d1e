"""Thought and answer apart, wherever the provider has put the thought.

Some providers send what a model thinks in a field of its own, others leave it in the text, between
``<think>`` and ``</think>``. Behind this machine both look the same: the thought is ``reasoning``, the answer
``content``, and, as where the provider has told them apart itself, no white space around a thought is left.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from rxstream.items import StreamChunk, TaggedText, Text
from rxstream.sansio.tags import Tags
from rxstream.sansio.texts import carries_more, refusal

__all__ = ("Reasoning",)

#: Whether it is thought, and the text.
Part = tuple[bool, str]


class Reasoning:
    """Move the thought out of the text of str or ``StreamChunk`` items; chunks come out.

    A thought begins with ``<tag>`` and ends with the next ``</tag>``, or with the text: only the closing tag
    means something in it. ``starts_inside``: the opening tag was already in the prompt. ``keep_whitespace``:
    all of it comes out, also that around a thought.
    Each choice is a text of its own, and ends with its finish reason. A chunk that is nothing but answer
    passes as it is; one that changes gives up what would still show the old text, ``raw`` and ``logprobs``,
    and one that has nothing left to carry is dropped. ``reasoning`` that comes in a chunk stays in it.
    """

    __slots__ = ("_keep_whitespace", "_starts_inside", "_tag", "_texts")

    def __init__(
        self, *, tag: str = "think", starts_inside: bool = False, keep_whitespace: bool = False
    ) -> None:
        if not isinstance(tag, str):
            msg = f"tag expects one name, as in 'think', and got {tag!r:.80}"
            raise TypeError(msg)
        self._tag = tag
        self._starts_inside = starts_inside
        self._keep_whitespace = keep_whitespace
        #: The text of each choice.
        self._texts: dict[int, _Thinking] = {}
        self._begin()  # so that a wrong name is refused at once

    def _begin(self) -> "_Thinking":
        return _Thinking(self._tag, starts_inside=self._starts_inside, keep_whitespace=self._keep_whitespace)

    def feed(self, item: Text) -> Iterable[StreamChunk]:
        """Give the item's thought and its answer, as far as they are certain, in chunks of their own."""
        if not isinstance(item, StreamChunk):
            if isinstance(item, str):
                return self._feed_text(item)
            raise refusal("split_reasoning()", item)
        content = item.content
        text = self._texts.get(item.choice)
        if text is None:
            if not content:
                return (item,)
            text = self._texts[item.choice] = self._begin()
        if item.finish_reason is not None:
            del self._texts[item.choice]
            return _chunks(item, _joined([*text.feed(content), *text.close()]))
        text.last = item
        if text.passes(content):
            return (item,)
        return _chunks(item, _joined(text.feed(content)))

    def _feed_text(self, item: str) -> Iterable[StreamChunk]:
        text = self._texts.get(0)
        if text is None:
            text = self._texts[0] = self._begin()
        return _bare_chunks(text.last, _joined(text.feed(item)))

    def close(self) -> Iterable[StreamChunk]:
        """Release what was held back of each choice that has had no finish reason."""
        texts = self._texts.values()
        return [chunk for text in texts for chunk in _bare_chunks(text.last, _joined(text.close()))]


class _Thinking:
    """One text, cut up into thought and answer, without the white space around a thought."""

    __slots__ = ("_at_edge", "_held", "_inside", "_keep_whitespace", "_tags", "_thought_before", "last")

    def __init__(self, tag: str, *, starts_inside: bool, keep_whitespace: bool) -> None:
        #: The last chunk of it, if it came in chunks.
        self.last: StreamChunk | None = None
        # A depth of one: inside of a tag no other opens.
        self._tags = Tags(tag, max_depth=1)
        self._keep_whitespace = keep_whitespace
        self._inside = starts_inside
        self._thought_before = starts_inside
        if starts_inside:
            self._tags.feed(f"<{tag}>")
        #: Whether nothing but white space has come since the last tag.
        self._at_edge = not keep_whitespace
        #: White space of which only what follows says whether a thought stands next to it.
        self._held: list[str] = []

    def passes(self, text: str) -> bool:
        """Say if all of a text is answer; it need not be fed then."""
        return not self._inside and not self._at_edge and self._tags.passes(text)

    def feed(self, text: str) -> list[Part]:
        """Cut up what is certain now; a part may be empty."""
        if not text:
            return []
        if self._tags.passes(text):
            return [(self._inside, self._trimmed(text))]
        return self._parts(self._tags.feed(text))

    def close(self) -> list[Part]:
        """Cut up the rest."""
        parts = self._parts(self._tags.close())
        # No thought has ended behind it, or begun: so it belongs to the text.
        parts.append((self._inside, "".join(self._held)))
        return parts

    def _parts(self, items: Iterable[TaggedText]) -> list[Part]:
        parts: list[Part] = []
        for item in items:
            if item.text:
                parts.append((self._inside, self._trimmed(item.text)))
            else:
                self._inside = not item.complete
                self._thought_before = True
                self._at_edge = not self._keep_whitespace
                self._held.clear()
        return parts

    def _trimmed(self, text: str) -> str:
        """Take the white space away that stands next to a tag, or hold it as long as it may."""
        if self._keep_whitespace:
            return text
        if self._at_edge:
            bare = text.lstrip()
            if not self._thought_before:
                # The answer may begin with it, unless a thought comes first.
                if not bare:
                    self._held.append(text)
                    return ""
                text = self._released(text)
            else:
                text = bare
            self._at_edge = not bare
        if not self._inside:
            return text
        bare = text.rstrip()
        if bare:
            text, tail = self._released(bare), text[len(bare) :]
        else:
            text, tail = "", text
        if tail:
            self._held.append(tail)
        return text

    def _released(self, text: str) -> str:
        if not self._held:
            return text
        text = "".join((*self._held, text))
        self._held.clear()
        return text


def _joined(parts: list[Part]) -> list[Part]:
    """Join what follows on its like, and leave out what is empty."""
    if len(parts) == 1:
        return parts if parts[0][1] else []
    runs = groupby((part for part in parts if part[1]), itemgetter(0))
    return [(thought, "".join(text for _, text in run)) for thought, run in runs]


def _chunks(chunk: StreamChunk, parts: list[Part]) -> Iterator[StreamChunk]:
    """Give the parts of a chunk's text in chunks, with all else that it carries."""
    if parts == ([(False, chunk.content)] if chunk.content else []):
        yield chunk
        return
    if not parts and not carries_more(chunk):
        return
    role, reasoning = chunk.role, chunk.reasoning
    *before, (thought, text) = parts or [(False, "")]
    if before:
        # The role, and the reasoning that came in its field, precede the text; all else comes behind it.
        if role or reasoning:
            yield StreamChunk(
                "", None, chunk.index, chunk.model, chunk.choice, reasoning, role=role, id=chunk.id
            )
        yield from _bare_chunks(chunk, before)
        role, reasoning = None, ""
    content, reasoning = ("", reasoning + text) if thought else (text, reasoning)
    yield StreamChunk(
        content,
        chunk.finish_reason,
        chunk.index,
        chunk.model,
        chunk.choice,
        reasoning,
        chunk.tool_calls,
        chunk.usage,
        role=role,
        id=chunk.id,
        refusal=chunk.refusal,
    )


def _bare_chunks(like: StreamChunk | None, parts: Iterable[Part]) -> Iterator[StreamChunk]:
    """Give parts in chunks that carry nothing else, of the same choice as another chunk."""
    for thought, text in parts:
        content, reasoning = ("", text) if thought else (text, "")
        if like is None:
            yield StreamChunk(content, reasoning=reasoning)
        else:
            yield StreamChunk(content, None, like.index, like.model, like.choice, reasoning, id=like.id)
