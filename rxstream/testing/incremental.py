"""Laws 2 and 6: what is certain is out, and what is out is certain.

A machine cannot be asked what is certain, but it can be asked what it would make of every text that
goes on from here. What all of those begin with is certain, if they are all.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, AnyStr, TypeAlias, TypeVar, cast

from rxstream.sansio import Machine
from rxstream.testing.runs import Join, Run, run_machine, short
from rxstream.testing.strategies import some

__all__ = ("Continuations", "assert_incremental", "endings_of", "mixed_continuations")

O = TypeVar("O")  # noqa: E741 - what comes out

#: Ways in which a text may go on, or a function from the text so far to such ways.
Continuations: TypeAlias = Iterable[AnyStr] | Callable[[AnyStr], Iterable[AnyStr]]

#: How texts may go on: into every kind of character, and with what joins, escapes or closes.
_MIXED = (
    *("a", "b", "X", "0", "7", "_", " ", "  ", "\t", "\n", "\r", "\r\n", "\n\n", " a", " X", "\nx"),
    *(".", ". X", ".5", "...", ",", ";", ":", "!", "?", "'", "'s", '"', "”", ")", "(", "]", "[", "}", "{"),
    *('"}', "]}", "-", "--", "—", "/", "\\", "|", "=", "+", "&", "@", "$", "%", "#", "*", "**"),
    *("<", ">", "</a>", "`", "``", "```", "```\n", "\n```\n", "\n~~~\n", "~", "é", "語", "。", "ß"),
    *(
        "\u0301",
        "\u200d👩",
        "\ufe0f",
        "\U0001f3fd",
        "🇪",
        "👍",
        "\u1161",
        "\u11a8",
        "\u0903",
        "\u0600",
        "\x85",
    ),
)
#: Bytes may also be no text at all.
_MIXED_BYTES = (*(text.encode() for text in _MIXED), b"\x80", b"\xbf\xbf", b"\xff", b"\xe2\x82")


def assert_incremental(
    factory: Callable[[], Machine[AnyStr, O]],
    text: AnyStr,
    continuations: Continuations[AnyStr] | None = None,
    *,
    join: Join[O] | None = None,
    lag: int = 0,
    places: int = 60,
    seed: int = 0,
) -> None:
    """Laws 2 and 6: fail if something comes out late, or is taken back.

        class Late:
            def __init__(self):
                self.text = ""

            def feed(self, chunk):
                self.text += chunk
                return ()

            def close(self):
                return self.text.split()

        try:
            assert_incremental(Late, "Hello you there")
        except AssertionError as error:
            print("law 2" in str(error))  #> True

    ``factory`` makes the machine. At each prefix of ``text`` (a random ``places`` of them, if there are more,
    by ``seed``) the machine's whole output is looked up for many continuations of that prefix: none at all,
    the rest of ``text`` and other parts of it, characters of every kind, and ``continuations`` (texts, or a
    function from the prefix to texts), which are added to these. ``join`` maps a list of items to the
    sequence that is compared: ``"".join`` where the items' borders mean nothing, or, for snapshots, the last
    item.

    *Taken back* (law 6): what is out after the prefix is not the beginning of one of these outputs.
    That is a proof.

    *Late* (law 2): all these outputs begin with the same items, and these are not all out after the
    prefix, fed whole and fed as single characters; or, with ``lag``, after as many more characters of
    ``text``. That proves it for the continuations that were tried. Can a continuation that was not
    tried change the item, then the machine is right to wait for it: one that looks for ``"STOP"``
    holds back ``"ST"``. Name that continuation (``["OP"]``), and the check knows it too.

    Faults are not asked to be early. Raises AssertionError. All laws together are ``check_machine``'s.
    """
    rng = random.Random(seed)  # noqa: S311 - a sample, not a secret
    view: Join[O] = _as_it_is if join is None else join
    slow = _after_each_character(factory, text)
    endings = endings_of([text], continuations)
    for place in some(range(len(text) + 1), places, rng):
        prefix = text[:place]
        out = view(_fed(factory, prefix))
        wholes: dict[AnyStr, Sequence[Any]] = {}
        tried = list(_continuations(text, place))
        tried += endings(prefix)
        for after in tried:
            if after not in wholes:
                wholes[after] = view(run_machine(factory, [prefix + after])[0])
        for after, whole in wholes.items():
            if whole[: len(out)] != out:
                raise AssertionError(
                    "law 6: what was out is taken back\n"
                    f"  after    {short(prefix)}\n  was out  {short(out)}\n"
                    f"  but of   {short(prefix + after)}\n  becomes  {short(whole)}"
                )
        if place + lag > len(text):
            continue
        certain = _common(list(wholes.values()))
        known = text[: place + lag]
        ways = (("in one chunk", _fed(factory, known)), ("as single characters", slow[place + lag]))
        for way, items in ways:
            now = view(items)
            if now[: len(certain)] != certain:
                raise AssertionError(
                    "law 2: something is held back that nothing can change\n"
                    f"  after    {short(known)}, fed {way}\n"
                    f"  is out   {short(now)}\n  certain  {short(certain)}\n"
                    f"  since all outputs begin so, of {short(prefix)} and any of "
                    f"{len(wholes)} continuations.\n"
                    "  If another continuation can change it, add that one to continuations; "
                    "if the machine may be late, say by how many characters: lag."
                )


def mixed_continuations(like: AnyStr) -> tuple[AnyStr, ...]:
    """Give continuations into every kind of character, as texts or as bytes."""
    mixed: Any = _MIXED if isinstance(like, str) else _MIXED_BYTES
    return cast("tuple[AnyStr, ...]", mixed)


def endings_of(
    samples: Sequence[AnyStr], more: Continuations[AnyStr] | None = None
) -> Callable[[AnyStr], Iterator[AnyStr]]:
    """Add to ``more`` what stands in the samples behind the last characters of the text so far.

    So a sample with ``<think>`` in it shows how the ``<th`` of another one may go on.
    """
    # Asked for each prefix: an iterator would be empty the second time.
    given = more if callable(more) else list(more or ())
    rng = random.Random(0)  # noqa: S311 - a sample, not a secret

    def endings(prefix: AnyStr) -> Iterator[AnyStr]:
        yield from given(prefix) if callable(given) else given
        for sample in some(samples, 8, rng):
            starts = {rng.randint(0, len(sample))}
            for known in range(1, min(len(prefix), 8) + 1):
                tail: Any = prefix[-known:]  # `find` has no type that fits both str and bytes
                starts.update((sample.find(tail) + known, sample.rfind(tail) + known))
                if tail not in sample:
                    break
            for start in sorted(starts):
                yield sample[start:]

    return endings


def _continuations(text: AnyStr, place: int) -> Iterator[AnyStr]:
    """Go on with nothing, with the rest and parts of it, with the whole again, with everything."""
    yield text[:0]
    yield text[place:]
    yield text[place : place + 1]
    yield text[place + 1 :]
    yield text
    yield from mixed_continuations(text)


def _as_it_is(items: list[O]) -> list[O]:
    return items


def _fed(factory: Callable[[], Machine[AnyStr, O]], chunk: AnyStr) -> list[O]:
    """Give what is out after one chunk, while the input may still go on."""
    run = Run(factory)
    run.feed(chunk)
    return run.items


def _after_each_character(factory: Callable[[], Machine[AnyStr, O]], text: AnyStr) -> list[list[O]]:
    """Give what is out after 0, 1, 2, ... single characters."""
    run = Run(factory)
    out = [list(run.items)]
    for place in range(len(text)):
        run.feed(text[place : place + 1])
        out.append(list(run.items))
    return out


def _common(wholes: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """Give the longest beginning that all have."""
    common = wholes[0]
    for whole in wholes[1:]:
        if whole[: len(common)] != common:
            pairs = zip(common, whole, strict=False)
            place = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
            common = common[: len(whole) if place is None else place]
    return common
