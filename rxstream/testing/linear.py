"""Law 3: the cost of a text grows with its length, not with its square.

Measured in processor time of this thread, as the growth from one size to four times that size, so the
speed of the machine it runs on does not matter and a busy neighbour hardly does. A failure must repeat
in every one of several attempts.
"""

import gc
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import AnyStr, TypeVar

from rxstream.sansio import Machine

__all__ = ("assert_linear", "text_shapes")

I = TypeVar("I")  # noqa: E741 - what goes in, as in the machine's own protocol
O = TypeVar("O")  # noqa: E741 - what comes out

#: Seconds of processor time from which on a measurement says something.
_ENOUGH = max(0.04, 10 * time.get_clock_info("thread_time").resolution)
#: Seconds of processor time from which on no longer text is tried.
_LONG = 12 * _ENOUGH
_SMALLEST = 1 << 8
_LARGEST = 1 << 21
_STEP = 4
_ATTEMPTS = 4


def assert_linear(
    factory: Callable[[], Machine[I, O]],
    make_input: Callable[[int], Sequence[I]],
    *,
    exponent: float = 1.5,
    shape: str = "this input",
) -> None:
    """Fail if the cost of ``make_input(size)`` grows faster than ``size ** exponent``.

        def test_words_are_linear():
            assert_linear(rxs.sansio.words.Words, lambda size: ["word "] * (size // 5), shape="short words")

    ``factory`` makes the machine. ``make_input`` gives the chunks of an input whose total length is about
    ``size`` characters (or items), for any size up to two millions. The size is doubled until the machine is
    busy for a few hundredths of a second; then that size is compared with a quarter of it. A linear machine
    has an exponent of 1, one that looks at everything again for each chunk tends to 2; ``exponent`` is what
    is allowed. One that is allowed, but not by much, may be a square whose text is still too short to show
    it: the size is then doubled on, up to half a second.

    Nothing is proven about an input that ends the machine early (a fault, or ``finished``), nor about
    other shapes of input than this one. ``shape`` names it in the message. Raises AssertionError. All laws
    together are ``check_machine``'s.
    """
    size = _SMALLEST
    while True:
        large, whole = _cost(factory, make_input(size))
        if not whole or (size >= _LARGEST and large < _ENOUGH / _STEP):
            return
        if large >= _ENOUGH or size >= _LARGEST:
            break
        size *= 2
    while True:
        small, large = _least(factory, make_input, size, large, exponent)
        found = math.log(large / small, _STEP)
        if found > exponent:
            break
        if found <= 1 + (exponent - 1) / 3 or large > _LONG or size >= _LARGEST:
            return
        size *= 2
        large, _ = _cost(factory, make_input(size))
    raise AssertionError(
        f"law 3: the cost of {shape} grows like its length to the power {found:.2f} (at most {exponent:g} is "
        f"allowed): {small * 1e3:.1f} ms for {size // _STEP} characters, {large * 1e3:.1f} ms for {size}. "
        "Remember how far the text was searched, and hold it back as a list of pieces: `held += chunk` "
        "copies all of it for every chunk, and a search of it looks at all of it again."
    )


def _least(
    factory: Callable[[], Machine[I, O]],
    make_input: Callable[[int], Sequence[I]],
    size: int,
    large: float,
    exponent: float,
) -> tuple[float, float]:
    """Give the cost of a quarter of ``size`` and of ``size``, measured again while it grows too fast.

    The least of all is nearest to the truth: noise only ever adds.
    """
    small = math.inf
    for attempt in range(_ATTEMPTS):
        if attempt:
            large = min(large, _cost(factory, make_input(size))[0])
        part = make_input(size // _STEP)
        small = min(small, *(_cost(factory, part)[0] for _ in range(2)))
        if math.log(large / small, _STEP) <= exponent:
            break
    return small, large


def text_shapes(
    samples: Sequence[AnyStr], *, seed: int = 0
) -> Iterator[tuple[str, Callable[[int], list[AnyStr]]]]:
    """Make long inputs of short samples, with a name for each.

    The samples over and over, in 4-character chunks and in one chunk; and a sample in which one
    character (a letter, a digit, white space, something else) is stretched to a long run, so that one
    unit never ends: a long word, string, number, or gap.
    """
    rng = random.Random(seed)  # noqa: S311 - a sample, not a secret
    unit = samples[0][:0].join(samples)
    if not unit:
        return
    yield "the samples over and over, in chunks of 4", lambda size: _fours(_repeat(unit, size))
    yield "the samples over and over, in one chunk", lambda size: [_repeat(unit, size)]
    places = [(text, place) for text in samples for place in range(len(text))]
    rng.shuffle(places)
    seen: set[str] = set()
    for text, place in places:
        char = text[place : place + 1]
        sort = next((name for name in ("isalpha", "isdigit", "isspace") if getattr(char, name)()), "other")
        if sort not in seen:
            seen.add(sort)
            before, after = text[:place], text[place + 1 :]
            name = f"{text!r} with its {char!r} at {place} stretched to a long run, in chunks of 4"
            yield name, _stretched(before, char, after)


def _stretched(before: AnyStr, char: AnyStr, after: AnyStr) -> Callable[[int], list[AnyStr]]:
    return lambda size: _fours(before + char * size + after)


def _repeat(unit: AnyStr, size: int) -> AnyStr:
    return unit * (size // len(unit) + 1)


def _fours(text: AnyStr) -> list[AnyStr]:
    return [text[place : place + 4] for place in range(0, len(text), 4)]


def _cost(factory: Callable[[], Machine[I, O]], chunks: Sequence[I]) -> tuple[float, bool]:
    """Give the processor time of a run, and whether the machine took all of it."""
    whole = True
    machine = factory()
    feed = machine.feed
    # A collection in the middle would be charged to whoever it happens to.
    collecting = gc.isenabled()
    gc.disable()
    start = time.thread_time()
    try:
        for chunk in chunks:
            for _ in feed(chunk):
                pass
            if getattr(machine, "finished", False):
                whole = False
                break
        for _ in machine.close():
            pass
    except Exception:  # noqa: BLE001 - whatever a machine raises is its fault, and the end of it
        whole = False
    finally:
        took = time.thread_time() - start
        if collecting:
            gc.enable()
    return took, whole
