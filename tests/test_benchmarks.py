"""The benchmarks compare like with like: every contender of a row gives the same. Nothing is timed here."""

import json
import multiprocessing
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError
from math import isnan, nan
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import (
    bare_chain,
    drawing,
    first_token,
    importing,
    json_parsing,
    many_streams,
    merging,
    own_operators,
    peers,
    pictures,
    sentences,
    sse_decoding,
    sse_to_words,
    stock_operators,
    worst_documents,
)
from benchmarks import measure as measure_module
from benchmarks import workers as worker_module
from benchmarks.documents import cut, prose, records
from benchmarks.golden_rules import GROUPS, Rule
from benchmarks.measure import Contender, Curve, Found, Line, Scale, alone, compare, measure, read
from benchmarks.open_streams import held
from benchmarks.peers import absent
from benchmarks.workers import Job, WorkerFailed, workers
from benchmarks.workloads import SEED, Spread, awaited, chat_client, chunks, each, sse_reads, tokens

Rows = dict[str, Callable[[bool], list[Found]]]


async def outputs(contenders: list[Contender]) -> dict[str, list[Any]]:
    return {contender.name: await read(contender) for contender in contenders}


class TestWorkloads:
    def test_a_read_is_one_event_and_the_last_is_done(self) -> None:
        reads = sse_reads(50)
        assert len(reads) == 51
        assert reads[-1] == b"data: [DONE]\n\n"
        assert all(read.count(b"data: ") == 1 and read.endswith(b"\n\n") for read in reads)

    def test_an_answer_may_be_longer_than_its_recording(self) -> None:
        assert len(sse_reads(3000)) == 3001

    def test_an_answer_has_room_for_its_start_and_its_end(self) -> None:
        with pytest.raises(ValueError, match="expected at least"):
            sse_reads(2)

    def test_tokens_are_the_same_in_every_run(self) -> None:
        assert SEED == 20261122
        assert tokens(500) == tokens(500)
        assert len(tokens(5000)) == 5000
        assert "" not in tokens(5000)


class TestContenders:
    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_sse_to_words(self) -> None:
        got = await outputs(sse_to_words.contenders(120))
        chunks = got["sdk"]
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert len(chunks) == len(got["decoded"]) == 120
        assert b"".join(got["bytes"]) == b"".join(sse_reads(120))
        assert "".join(chunk.content for chunk in got["decoded"]) == text
        assert got["words"] == text.split()
        assert len(got["words"]) > 50

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_a_contender_can_run_again(self) -> None:
        for contender in [*sse_to_words.contenders(20), *stock_operators.contenders(20, with_filter=True)]:
            assert len(await read(contender)) == len(await read(contender))

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_stock_operators(self) -> None:
        maps = await outputs(stock_operators.contenders(100, with_filter=False))
        assert maps.keys() == {"ours", "generators", "aiostream"}
        assert all(got == [(n + 1) * 2 + 1 for n in range(100)] for got in maps.values())
        filtered = await outputs(stock_operators.contenders(100, with_filter=True))
        assert all(got == [n + 2 for n in range(0, 100, 2)] for got in filtered.values())

    @pytest.mark.parametrize("size", sse_decoding.SIZES)
    @pytest.mark.parametrize("workload", sse_decoding.WORKLOADS)
    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_sse_decoding(self, workload: str, size: int) -> None:
        chunks = cut(sse_decoding.body_of(workload, 20_000), size)
        alone = await outputs(sse_decoding.contenders(chunks))
        whole = await outputs(sse_decoding.whole_way(chunks))
        assert alone.keys() == {"ours", "httpx-sse", "openai SDK"}
        assert whole.keys() == {"ours", "httpx-sse"}
        assert alone["ours"] == [whole["ours"]]
        found = [event.data for event in whole["ours"]]
        assert len(found) == (1 if workload == "huge" else 81)
        assert [event.data for event in alone["httpx-sse"][0]] == found
        assert [event.data for event in alone["openai SDK"][0]] == found
        assert [event.data for event in whole["httpx-sse"]] == found

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_json_parsing(self) -> None:
        chunks = cut(records(5000))
        plain = await outputs([json_parsing.following("ours", chunks)])
        asked = await outputs([json_parsing.following("ours", chunks, values=True)])
        assert [item.value for item in plain["ours"]] == asked["ours"]
        assert asked["ours"][-1] == json.loads("".join(chunks))
        alone = [json_parsing.machine("ours", chunks, 2), json_parsing.read_again("".join(chunks), 3, 2)]
        assert await outputs(alone) == {"ours": [None], "jiter": [None]}
        found = await outputs(json_parsing.finding(cut(prose(20))))
        assert found["ours"] == found["by hand"]
        assert len(found["ours"]) == 20

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_own_operators(self) -> None:
        texts = tokens(2000)
        split = "".join(texts).lower().split()
        titles = await outputs(own_operators.contenders(texts))
        assert titles.keys() == {"ours", "generators", "inlined"}
        assert all(got == [word.title() for word in split] for got in titles.values())
        replaced = await outputs(own_operators.replacing_contenders(texts))
        assert replaced["ours"] == replaced["generators"]
        assert replaced["ours"] != split

    @pytest.mark.parametrize("play", [each, awaited])
    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_merging(self, play: merging.Play) -> None:
        got = await outputs([*merging.our_ways(2000, play), *merging.their_ways(2000, play)])
        assert len(got) == 6
        for name, items in got.items():
            streams = int(name.split()[1].rstrip(","))
            numbers = list(range(2000 // streams))
            if name.startswith("ours"):
                by_stream = defaultdict[int, list[int]](list)
                for tagged in items:
                    by_stream[tagged.source].append(tagged.item)
                assert by_stream == dict.fromkeys(range(streams), numbers)
            else:
                assert sorted(items) == sorted(numbers * streams)

    @pytest.mark.parametrize("play", [each, awaited])
    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_the_bare_chain_and_that_with_one_operator(self, play: bare_chain.Play) -> None:
        items = chunks(300)
        text = "".join(chunk.content for chunk in items)
        assert len(text) > 1000
        got = await outputs(bare_chain.contenders(items, play))
        assert got.keys() == {bare_chain.BARE, *bare_chain.OPERATORS, bare_chain.TWO_READERS}
        assert got.pop(bare_chain.BARE) == items
        for name, found in got.items():
            assert "".join(chunk.content for chunk in found) == text
            # These two join and cut as time goes by.
            assert found == items or name in {"backpressure, join", "pace_stream"}

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_many_streams(self) -> None:
        spread = Spread(0.001, 3)
        got = await outputs(many_streams.contenders(3, spread, read))
        alone = await outputs(sse_to_words.contenders(many_streams.LENGTH))
        assert got.pop("production") == got["words"]
        assert got == {name: [items] * 3 for name, items in alone.items()}
        assert len(got["words"][0]) > 20

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_the_memory_of_streams_that_are_all_open(self) -> None:
        sizes = [100, 700]
        assert await held("production", 3, lambda: sizes.pop(0)) == 600
        # The same, in a process of its own.
        assert 1000 < many_streams.memory("words", "traced", 3) < 1_000_000

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_many_streams_that_are_not_open_at_once_are_no_load(self) -> None:
        spread = Spread(0.001, 3)
        spread.most_open = 4
        with pytest.raises(AssertionError, match="only 4 streams"):
            await outputs(many_streams.contenders(3, spread, read))

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_sentences_and_words(self) -> None:
        texts = [chunk.content for chunk in chunks(400)]
        alone = await outputs(sentences.contenders(texts))
        assert alone.keys() == {"ours", sentences.PEER, sentences.BEST}
        # A plain story is the same to all, but for the white space around its sentences.
        plain = [[" ".join(one.split()) for one in found] for (found,) in alone.values()]
        assert plain[0] == plain[1] == plain[2]
        assert len(plain[0]) > 15
        whole = await outputs(sentences.whole_way(texts))
        assert [whole["ours"]] == alone["ours"]
        assert [whole[sentences.BEST]] == alone[sentences.BEST]
        assert whole["words"] == whole["words by hand"] == "".join(texts).split()

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_first_token(self) -> None:
        arrival = first_token.Arrival()
        ways = first_token.contenders(chat_client(sse_reads(20), arrival))
        got = {one.name: await first_token.take(one, arrival) for one in ways}
        assert {name: text for name, (text, _) in got.items()} == {
            first_token.SDK: "Once",
            first_token.OURS: "Once",
            first_token.CHAIN: "ONCE",
        }
        assert all(late > 0 for _, late in got.values())

    def test_a_program_that_cannot_be_imported_is_not_measured(self) -> None:
        for program in importing.PROGRAMS.values():
            assert importing.cpu_seconds(program) > 0
        with pytest.raises(RuntimeError, match="ended with 1"):
            importing.cpu_seconds("raise SystemExit(1)")
        assert importing.memory("text = bytes(10_000_000)") > 10_000_000 > importing.memory("pass")


class TestGoldenRules:
    def test_every_rule_is_its_sentences(self) -> None:
        assert {group: len(rules) for group, rules in GROUPS.items()} == {
            "of the classic kinds": 53,
            "of what models write": 19,
            "that only sense decides": 25,
        }
        rules = [rule for group in GROUPS.values() for rule in group]
        assert len({rule.kind for rule in rules}) == len({rule.text for rule in rules}) == len(rules)
        assert all(one == one.strip() for rule in rules for one in rule.sentences)

    def test_only_what_is_the_same_but_for_white_space_is_right(self) -> None:
        rules = [Rule("two", ("One.", "Two.")), Rule("one", ("Three.",))]
        assert sentences.right(rules, lambda rule: [*rule.sentences]) == 2
        assert sentences.right(rules, lambda rule: [f" {one}\n" for one in rule.sentences]) == 2
        assert sentences.right(rules, lambda rule: [rule.text]) == 1
        assert sentences.right(rules, lambda _: []) == 0

    def test_more_of_ours_are_right_in_every_group(self) -> None:
        for group, rules in GROUPS.items():
            line = sentences.judged(group, rules)
            assert 0 < line.theirs < line.ours <= len(rules)
            assert line.verdict == ("ok" if group == "of the classic kinds" else "-")


class TestWorstDocuments:
    def test_the_one_that_grows_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def cost(_: Callable[[], Any], chunks: Sequence[str]) -> float:
            return float(len(chunks)) ** (2 if chunks[0] == "||||" else 1)

        monkeypatch.setattr(worst_documents, "cost", cost)
        growth, document, ours, theirs = worst_documents.worst(list, 400, 4000)
        assert (document, ours, theirs) == ("pipes", 1000, 100)
        assert growth == 10

    @pytest.mark.parametrize("slow", [{1}, {2, 3}, {1, 4}])
    def test_a_document_that_is_measured_in_slow_moments_does_not_grow(
        self, monkeypatch: pytest.MonkeyPatch, slow: set[int]
    ) -> None:
        long_ones = 0

        def cost(_: Callable[[], Any], chunks: Sequence[str]) -> float:
            nonlocal long_ones
            if chunks[0] != "||||":
                return float(len(chunks))
            long_ones += len(chunks) == 1000
            disturbed = len(chunks) == 1000 and long_ones in slow
            return len(chunks) * (2.0 if disturbed else 1)

        monkeypatch.setattr(worst_documents, "cost", cost)
        growth, *_ = worst_documents.worst(list, 400, 4000)
        assert growth == 1
        assert long_ones == (5 if 1 in slow else 1)


class TestVerdicts:
    @pytest.mark.parametrize(
        ("scale", "ours", "theirs", "ratio", "verdict"),
        [
            ("cheaper", 10, 70, 7, "ok"),
            ("cheaper", 10, 50, 5, "below aim"),
            ("cheaper", 10, 30, 3, "FAILS"),
            ("of its cost", 30, 10, 3, "ok"),
            ("of its cost", 50, 10, 5, "below aim"),
            ("of its cost", 70, 10, 7, "FAILS"),
        ],
    )
    def test_the_ratio_is_judged_by_the_budget(
        self, scale: Scale, ours: float, theirs: float, ratio: float, verdict: str
    ) -> None:
        minimum, aim = (4, 6) if scale == "cheaper" else (6, 4)
        line = Line("row", "what", "them", ours, theirs, scale, minimum, aim)
        assert (line.ratio, line.verdict) == (ratio, verdict)

    def test_a_peer_without_a_budget_is_not_judged(self) -> None:
        assert Line("row", "what", "them", 1, 100, "of its cost").verdict == "-"


@contextmanager
def _answering(answer: Callable[[str], Any]) -> Generator[Job]:
    yield answer


def _raising(_: str) -> Any:
    raise ValueError("out of tea")


class TestWorkers:
    def test_each_is_a_process_of_its_own_and_works_when_it_is_told_to(self) -> None:
        jobs = {name: partial(_answering, lambda told: (told, os.getpid())) for name in ("a", "b")}
        with workers(jobs) as ask:
            answers = [ask(name, told) for told in ("one", "two") for name in ("a", "b")]
        assert [told for told, _ in answers] == ["one", "one", "two", "two"]
        (_, a), (_, b), *again = answers
        assert [pid for _, pid in again] == [a, b]
        assert len({a, b, os.getpid()}) == 3

    def test_one_that_fails_brings_its_traceback_along(self) -> None:
        jobs = {"good": partial(_answering, str.upper), "bad": partial(_answering, _raising)}
        with workers(jobs) as ask:
            assert ask("good", "on") == "ON"
            with pytest.raises(WorkerFailed, match=r"'bad' failed:\n(.|\n)*_raising\n(.|\n)*out of tea"):
                ask("bad", "on")
        assert multiprocessing.active_children() == []

    def test_one_that_dies_without_a_word_is_named(self) -> None:
        jobs = {"dead": partial(_answering, lambda _: os.kill(os.getpid(), signal.SIGKILL))}
        with pytest.raises(WorkerFailed, match="'dead' died"), workers(jobs) as ask:
            ask("dead", "on")
        assert multiprocessing.active_children() == []

    def test_one_that_is_still_at_work_is_ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(worker_module, "PATIENCE", 0.05)
        pids: list[int] = []

        def answer(told: str) -> int:
            if told == "work":
                time.sleep(1000)
            return os.getpid()

        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            with pytest.raises(KeyboardInterrupt), workers({"busy": partial(_answering, answer)}) as ask:
                pids.append(ask("busy", "who"))
                signal.setitimer(signal.ITIMER_REAL, 0.2)
                ask("busy", "work")
        finally:
            signal.signal(signal.SIGALRM, before)
        with pytest.raises(ProcessLookupError):
            os.kill(pids[0], 0)


class TestMeasure:
    def test_the_cost_of_every_contender_is_measured(self) -> None:
        cost = measure(stock_operators.contenders(10, with_filter=False), 10, 1)
        assert cost.keys() == {"ours", "generators", "aiostream"}
        assert all(one.time > 0 and one.memory > 0 for one in cost.values())
        assert multiprocessing.active_children() == []

    def test_memory_is_what_a_contender_has_allocated_at_the_most(self) -> None:
        text = "x" * 1_000_000
        ways = [
            alone("much", lambda: [text + "y" for _ in range(3)]),
            alone("once", lambda: [len(text + "y") for _ in range(3)]),
            alone("nothing", lambda: None),
        ]
        memory = {name: one.memory for name, one in measure(ways, 1, 1).items()}
        assert 3_000_000 < memory["much"] < 3_100_000
        assert 1_000_000 < memory["once"] < 1_100_000
        assert memory["nothing"] < 100_000
        assert all(isnan(one.memory) for one in measure(ways, 1, 1, memory=False).values())

    def test_a_round_is_shared_among_the_items_of_each(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def stopped(_: Callable[[], object]) -> float:
            return 600

        monkeypatch.setattr(measure_module, "_time", stopped)
        ways = [alone(name, lambda: None) for name in ("few", "many")]
        cost = measure(ways, {"few": 2, "many": 300}, 2)
        assert {name: one.time for name, one in cost.items()} == {"few": 300, "many": 2}

    def test_what_a_contender_raises_ends_the_run(self) -> None:
        with pytest.raises(WorkerFailed, match="ZeroDivisionError"):
            measure([alone("wrong", lambda: 1 // 0)], 1, 1)


class TestMissingPeers:
    def test_a_peer_that_is_not_installed_has_no_figures(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "aiostream", None)
        assert absent("aiostream", "reactivex") == ["aiostream"]
        cost = measure(stock_operators.contenders(10, with_filter=False), 10, 1)
        assert cost["ours"].time > 0
        assert isnan(cost["aiostream"].time)
        line = compare("row", "what", "aiostream", cost["ours"], cost["aiostream"], "cheaper", 4, 6)
        assert line.verdict == "not installed"

    def test_golden_rules_are_counted_without_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "stream2sentence", None)
        line = sentences.judged(*next(iter(GROUPS.items())))
        assert line.ours > 40
        assert (line.verdict, isnan(line.theirs)) == ("not installed", True)

    def test_it_is_named_and_the_others_go_on(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def version(name: str) -> str:
            if name in {"aiostream", "uvicorn"}:
                raise PackageNotFoundError
            return "1.0"

        monkeypatch.setattr(peers, "version", version)
        monkeypatch.setitem(sys.modules, "uvicorn", None)
        line = Line("merge", "this", "aiostream", 2500, nan, "cheaper", 4, 6)
        rows: Rows = {"merge": lambda _: [line], "serving": command.ROWS["serving"]}
        monkeypatch.setattr(command, "ROWS", rows)
        assert command.main(["--json", str(tmp_path / "found.json")]) == 0
        printed = capsys.readouterr().out
        assert "aiostream is not installed" in printed
        assert "serving is left out, not installed: uvicorn" in printed
        found = json.loads((tmp_path / "found.json").read_text())
        assert found["not installed"] == ["uvicorn", "aiostream"]
        assert found["left out"] == {"serving": "not installed: uvicorn"}
        assert found["lines"][0]["verdict"] == "not installed"
        assert found["lines"][0]["theirs"] is found["lines"][0]["ratio"] is None


def curve(picture: str, panel: str, name: str, y: Sequence[float | None]) -> dict[str, Any]:
    return {"picture": picture, "panel": panel, "name": name, "x": [10.0**n for n in range(len(y))], "y": y}


def small_results(*, peers: bool = True) -> dict[str, Any]:
    """Results of the shape of a run's, with figures that nobody has measured."""
    theirs: list[float | None] = [1.0, 2.0, 3.0] if peers else [None, None, None]
    percent = [float(n) for n in range(1, 100)]
    return {
        "curves": [
            *(
                curve("throughput", panel, name, [4.0, 5.0, 6.0] if ours else theirs)
                for panel, _, _, shown in pictures.THROUGHPUTS
                for ours, name in zip((True, False, False), shown, strict=False)
            ),
            *(
                curve("partial-json", panel, name, y)
                for panel in ("records", "one long string")
                for name, y in (("ours", [0.001, 0.01, 0.1]), ("jiter", [0.001, 0.1, 100.0]))
            ),
            *(
                {"picture": "first-token", "panel": "", "name": name, "x": percent}
                | {"y": [least * n for n in range(100, 199)]}
                for name, least in (("theirs", 1000), ("ours", 100), ("ours, chained", 400))
            ),
            *(
                curve("load", pace, name, [cost if peers or name != "sse-starlette" else None])
                for pace in pictures.PACES
                for name, cost in (
                    ("bare", 28e3),
                    ("ours", 40e3),
                    ("ours, no log", 30e3),
                    ("sse-starlette", 42e3),
                )
            ),
        ]
    }


class TestPictures:
    @pytest.mark.parametrize("peers", [True, False])
    def test_they_are_drawn_from_the_results_alone(self, tmp_path: Path, peers: bool) -> None:
        drawn = pictures.draw(small_results(peers=peers), tmp_path / "pictures")
        assert [file.name for file in drawn] == [f"{name}.png" for name in pictures.PICTURES]
        for file in drawn:
            image = file.read_bytes()
            assert image.startswith(b"\x89PNG\r\n\x1a\n")
            assert len(image) > 5000

    def test_a_picture_is_not_drawn_of_nothing(self, tmp_path: Path) -> None:
        assert pictures.draw({"curves": []}, tmp_path) == []

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            (drawing.seconds(540.0), "9 min"),
            (drawing.seconds(0.53), "530 ms"),
            (drawing.seconds(0.00151), "1.5 ms"),
            (drawing.seconds(2e-5), "20 µs"),
            (drawing.length(1_000_000), "1 MB"),
            (drawing.length(10_000), "10 KB"),
            (drawing.times(3.64), "3.6"),
            (drawing.times(1031.0), "1000"),
        ],
    )
    def test_numbers_are_said_in_two_digits(self, said: str, expected: str) -> None:
        assert said == expected


SAVED = command.FOLDER / "results.json"

#: The budgets of DESIGN 7: row, minimum, aim.
BUDGETS = [
    ("sse-to-words", 12, 25),
    ("stock-against-generators", 2, 1.3),
    ("stock-against-aiostream", 4, 6),
    ("own-operators", 1.2, 0.8),
    ("partial-json", 300, 1000),
    ("partial-json-growth", 10**0.3, 10**0.15),
    ("sse-decoding", 1.5, 3),
    ("sentences", 50, 100),
    ("serving", 1.5, 1.1),
    ("merge", 1.5, 1.1),
    ("import", 1.05, 1.02),
]


class TestSaved:
    """The results that are kept, which the pictures in the README are drawn from."""

    def test_every_row_and_every_budget_is_there_with_its_verdict(self) -> None:
        found = json.loads(SAVED.read_text(encoding="utf-8"))
        assert list(found["seconds"]) == list(command.ROWS)
        assert sum(found["seconds"].values()) < 15 * 60
        assert found["not installed"] == []
        assert found["left out"] == {}
        assert {line["row"] for line in found["lines"]} == set(command.ROWS)
        for line in found["lines"]:
            assert line["verdict"] in {"ok", "below aim", "FAILS"} or line["minimum"] is None
            assert line["ratio"] > 0
        judged = [(line["row"], line["minimum"], line["aim"]) for line in found["lines"] if line["minimum"]]
        for row, minimum, aim in BUDGETS:
            assert (row, pytest.approx(minimum, rel=1e-3), pytest.approx(aim, rel=1e-3)) in judged
        assert any(line["unit"] == "rules" and line["minimum"] > 1 for line in found["lines"])

    def test_every_picture_is_there_and_can_be_drawn_anew(self, tmp_path: Path) -> None:
        found = json.loads(SAVED.read_text(encoding="utf-8"))
        drawn = pictures.draw(found, tmp_path)
        kept = sorted(file.name for file in (command.FOLDER / "pictures").glob("*"))
        assert (
            kept == sorted(file.name for file in drawn) == sorted(f"{name}.png" for name in pictures.PICTURES)
        )


class TestCommand:
    def test_a_row_that_misses_its_minimum_makes_the_exit_code_1(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bad = Line("slow", "this", "that", 2000, 10, "cheaper", 4, 6, {"half": 1000})
        good = Line("quick", "this", "that", 10, 2000, "cheaper", 4, 6)
        rows: Rows = {"slow": lambda _: [bad], "quick": lambda _: [good]}
        monkeypatch.setattr(command, "ROWS", rows)
        file = tmp_path / "results.json"
        assert command.main(["--json", str(file)]) == 1
        assert [line["verdict"] for line in json.loads(file.read_text())["lines"]] == ["FAILS", "ok"]
        assert "our cost is: half 1.00 us" in capsys.readouterr().out
        assert command.main(["quick"]) == 0

    def test_memory_is_not_printed_as_time(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        line = Line("big", "this", "that", 2500, 900, "of its cost", parts={"half": 1250}, unit="bytes")
        rows: Rows = {"big": lambda _: [line]}
        monkeypatch.setattr(command, "ROWS", rows)
        assert command.main([]) == 0
        printed = capsys.readouterr().out
        assert "2.50 KB" in printed
        assert "900 B" in printed
        assert "half 1.25 KB" in printed

    def test_an_unknown_row_is_refused_with_the_known_ones(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            command.main(["no-such-row"])
        assert "sse-to-words" in capsys.readouterr().err

    def test_to_save_is_to_write_the_results_and_to_draw_them(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        ways = [Curve("load", "flat out", name, [200], [9e3], "clients", "ns") for name in pictures.SERVED]
        line = Line("serving", "this", "that", 1, 2, "cheaper")
        rows: Rows = {"serving": lambda _: [line, *ways]}
        monkeypatch.setattr(command, "ROWS", rows)
        monkeypatch.setattr(command, "FOLDER", tmp_path)
        assert command.main(["--save"]) == 0
        assert "drawn: load.png" in capsys.readouterr().out
        found = json.loads((tmp_path / "results.json").read_text())
        assert [one["name"] for one in found["curves"]] == list(pictures.SERVED)
        (tmp_path / "pictures" / "load.png").unlink()
        monkeypatch.setattr(command, "ROWS", {})
        assert command.main(["--draw"]) == 0
        assert (tmp_path / "pictures" / "load.png").exists()

    @pytest.mark.parametrize("more", ["merge", "--quick"])
    def test_what_is_kept_is_of_one_run_in_full(self, more: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            command.main(["--save", more])
        assert "--save goes with all rows, in full" in capsys.readouterr().err
