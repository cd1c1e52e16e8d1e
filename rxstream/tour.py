"""The tour of ``rxstream demo``: what the library does, on real recordings."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from reactivex import Observable
from reactivex import operators as ops

import rxstream as rxs
from rxstream.errors import StreamTruncated
from rxstream.testing import Fault, faulty_recording

__all__ = ("Screen", "play_tour")


class Screen:
    """Stdout, which knows whether it stands at the beginning of a line."""

    def __init__(self, end: str) -> None:
        self._end = end
        self._in_line = False

    def show(self, text: str) -> None:
        """Print an item, now."""
        text += self._end
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
            self._in_line = not text.endswith("\n")

    def end_line(self) -> None:
        """Go to the beginning of a line."""
        if self._in_line:
            self._in_line = False
            sys.stdout.write("\n")
            sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class _Scene:
    """One stop of the tour."""

    title: str
    #: What a program would say; ``chain`` is the same.
    code: str
    recording: str
    chain: Callable[[], Sequence[Any]]
    #: What is printed behind each item.
    mark: str = "\n"
    #: Faults that the recording is played with, one a connection.
    faults: Sequence[Fault] = ()


def _scenes() -> list[_Scene]:
    text = [ops.map(attrgetter("content")), ops.filter(bool)]
    return [
        _Scene(
            "An answer comes in chunks, cut anywhere.",
            'from_recording("01-prose")',
            "01-prose",
            lambda: text,
            "|",
        ),
        _Scene(
            "The same, as whole words.",
            'from_recording("01-prose").pipe(buffer_words())',
            "01-prose",
            lambda: [rxs.buffer_words()],
            "|",
        ),
        _Scene(
            "The same, as sentences.",
            'from_recording("01-prose").pipe(buffer_sentences())',
            "01-prose",
            lambda: [rxs.buffer_sentences()],
        ),
        _Scene(
            "A name is redacted that comes in three pieces: Eld, ar, ad.",
            'from_recording("19-server-killed").pipe(ops.take(24), redact("Eldarad", mask="[name]"))',
            "19-server-killed",
            lambda: [ops.take(24), rxs.redact("Eldarad", mask="[name]"), *text],
            "|",
        ),
        _Scene(
            "The connection dies. What came is kept, and is not taken for the whole.",
            'from_recording("19-server-killed").pipe(buffer_words())',
            "19-server-killed",
            lambda: [rxs.buffer_words()],
            " ",
        ),
        _Scene(
            "It dies twice, and is gone on with: nothing is said twice, and nothing is missing.",
            'faulty_recording("01-prose", Fault.reset(...), Fault.cut(...)).pipe(retry_stream(), ...)',
            "01-prose",
            lambda: [rxs.retry_stream(), rxs.buffer_words()],
            " ",
            (Fault.reset(after_events=20), Fault.cut(after_events=40)),
        ),
        _Scene(
            "Code, line by line.",
            'from_recording("03-code-python").pipe(buffer_lines(), ops.take(16))',
            "03-code-python",
            lambda: [rxs.buffer_lines(), ops.take(16)],
        ),
        _Scene(
            "JSON, while it is being written: what is new, and where.",
            'from_recording("05-json-schema").pipe(parse_partial_json(), ops.take(12))',
            "05-json-schema",
            lambda: [
                rxs.parse_partial_json(),
                ops.take(12),
                ops.map(_news),
            ],
        ),
        _Scene(
            "The thought and the answer apart, which came as one text with tags.",
            'from_recording("23-think-tags-grammar").pipe(split_reasoning(), ops.take(40))',
            "23-think-tags-grammar",
            lambda: [
                rxs.split_reasoning(),
                ops.take(40),
                ops.map(_thought_or_answer),
            ],
            "",
        ),
    ]


def _news(item: rxs.PartialJSON[Any]) -> str:
    return f"{'/'.join(map(str, item.path)) or '(all)'}: {item.delta!r}"


def _thought_or_answer(chunk: rxs.StreamChunk) -> str:
    return chunk.reasoning or (chunk.content and f"[{chunk.content}]")


async def play_tour(speed: float | None) -> None:
    """Print all of it; ``speed`` as in ``from_recording``."""
    for number, scene in enumerate(_scenes(), 1):
        print(f"{number}. {scene.title}\n   {scene.code}\n")
        source = faulty_recording(scene.recording, *scene.faults, speed=speed)
        units: Observable[str] = source.pipe(*scene.chain())
        screen = Screen(scene.mark)
        try:
            async with rxs.open_stream(units) as items:
                async for item in items:
                    screen.show(item)
        except StreamTruncated as error:
            screen.end_line()
            print(f"\n{type(error).__name__}: {error}")
            print(
                f"error.partial.content: {len(error.partial.content)} characters, "
                f"the last of them {error.partial.content[-24:]!r}"
            )
        screen.end_line()
        print()
    print("More: rxstream replay prose --by sentence --stats; rxstream chat 'Why is the sky blue?'")
