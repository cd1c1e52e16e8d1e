"""The benchmarks compare like with like: every contender of a row gives the same. Nothing is timed here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import json_parsing, own_operators, sse_decoding, sse_to_words, stock_operators
from benchmarks.documents import cut, prose, records
from benchmarks.measure import Contender, Line, Scale, measure, read
from benchmarks.workloads import SEED, sse_reads, tokens


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

    def test_an_unknown_row_is_refused_with_the_known_ones(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            command.main(["no-such-row"])
        assert "sse-to-words" in capsys.readouterr().err
