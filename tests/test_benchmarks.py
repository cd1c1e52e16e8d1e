"""The benchmarks compare like with like: every contender of a row gives the same. Nothing is timed here."""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import (
    bare_chain,
    json_parsing,
    many_streams,
    merging,
    own_operators,
    sse_decoding,
    sse_to_words,
    stock_operators,
)
from benchmarks.documents import cut, prose, records
from benchmarks.measure import Contender, Line, Scale, measure, read
from benchmarks.open_streams import held
from benchmarks.workloads import SEED, Spread, awaited, chunks, each, sse_reads, tokens


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
        assert alone.keys() == whole.keys() == {"ours", "httpx-sse"}
        assert alone["ours"] == [whole["ours"]]
        found = [event.data for event in whole["ours"]]
        assert len(found) == (1 if workload == "huge" else 81)
        assert [event.data for event in alone["httpx-sse"][0]] == found
        assert [event.data for event in whole["httpx-sse"]] == found

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_json_parsing(self) -> None:
        chunks = cut(records(5000))
        plain = await outputs([json_parsing.following(chunks)])
        asked = await outputs([json_parsing.following(chunks, values=True)])
        assert [item.value for item in plain["ours"]] == asked["ours"]
        assert asked["ours"][-1] == json.loads("".join(chunks))
        found = await outputs(json_parsing.finding(cut(prose(20))))
        assert found["ours"] == found["by hand"]
        assert len(found["ours"]) == 20
        assert json_parsing.jiter_per_chunk(chunks, 3) > 0

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
        got = await outputs(merging.contenders(2000, play))
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
        spread = Spread(0.001)
        got = await outputs(many_streams.contenders(3, spread, read))
        assert spread.most_open == 3
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


def test_the_cost_of_every_contender_is_measured() -> None:
    assert measure(stock_operators.contenders(10, with_filter=False), 10, 1).keys() == {
        "ours",
        "generators",
        "aiostream",
    }


class TestCommand:
    def test_a_row_that_misses_its_minimum_makes_the_exit_code_1(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bad = Line("slow", "this", "that", 2000, 10, "cheaper", 4, 6, {"half": 1000})
        good = Line("quick", "this", "that", 10, 2000, "cheaper", 4, 6)
        rows: dict[str, Callable[[bool], list[Line]]] = {"slow": lambda _: [bad], "quick": lambda _: [good]}
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
        rows: dict[str, Callable[[bool], list[Line]]] = {"big": lambda _: [line]}
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
