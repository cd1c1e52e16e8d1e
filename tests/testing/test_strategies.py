import importlib.util
import re
import subprocess
import sys
from random import Random

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from rxstream.testing import chunkings, texts
from rxstream.testing.strategies import TROUBLE, cut_at, interesting_edges, some

TEXT = "Hi,\r\n<b>42é</b>"


@given(chunkings(TEXT))
def test_chunks_join_to_the_text(chunks: list[str]) -> None:
    assert "".join(chunks) == TEXT


@given(chunkings(TEXT.encode()))
def test_chunks_of_bytes_join_to_the_bytes(chunks: list[bytes]) -> None:
    assert b"".join(chunks) == TEXT.encode()


@given(st.data())
def test_a_strategy_of_texts_gives_chunks_of_a_text_of_its(data: st.DataObject) -> None:
    chunks = data.draw(chunkings(st.sampled_from(["one", "two"])))
    assert "".join(chunks) in {"one", "two"}


@given(chunkings(""))
def test_an_empty_text_has_chunks_too(chunks: list[str]) -> None:
    assert chunks
    assert "".join(chunks) == ""


def test_every_kind_of_cutting_is_found() -> None:
    search = settings(max_examples=300, database=None)
    edges = cut_at(TEXT, interesting_edges(TEXT))
    assert find(chunkings(TEXT), lambda chunks: chunks == [TEXT], settings=search)
    assert find(chunkings(TEXT), lambda chunks: chunks == list(TEXT), settings=search)
    assert find(chunkings(TEXT), lambda chunks: chunks == edges, settings=search)
    assert find(chunkings(TEXT), lambda chunks: "Hi,\r" in chunks, settings=search)
    assert find(chunkings(TEXT), lambda chunks: "" in chunks[1:-1], settings=search)
    assert find(chunkings(TEXT), lambda chunks: "" in (chunks[0], chunks[-1]), settings=search)


def test_the_simplest_chunks_are_the_whole() -> None:
    assert find(chunkings(TEXT), lambda _: True) == [TEXT]


def test_edges_are_everywhere_but_within_words_and_numbers() -> None:
    assert cut_at("ab12, c\r\n", interesting_edges("ab12, c\r\n")) == ["ab", "12", ",", " ", "c", "\r", "\n"]
    assert interesting_edges("é".encode()) == [1]
    assert interesting_edges("") == []


def test_a_place_named_twice_gives_an_empty_chunk() -> None:
    assert cut_at("abc", [2, 1, 1]) == ["a", "", "b", "c"]
    assert cut_at(b"abc", [0, 3]) == [b"", b"abc", b""]


def test_texts_mix_fragments_and_their_parts_with_trouble() -> None:
    search = settings(max_examples=2000, database=None)
    assert find(texts("<think>", "x"), lambda text: "<think>" in text, settings=search) == "<think>"
    assert find(texts("<think>"), lambda text: re.search("<thi(?!n)", text) is not None, settings=search)
    assert find(texts(), lambda text: "\r\n" in text, settings=search)
    assert find(texts("x"), lambda text: "\u200d" in text, settings=search)
    assert find(texts(max_pieces=1), lambda text: text == "", settings=search) == ""


@given(texts())
def test_texts_can_be_encoded(text: str) -> None:
    assert text.encode().decode() == text


def test_trouble_holds_pieces_and_each_once() -> None:
    assert all(TROUBLE)
    assert len(set(TROUBLE)) == len(TROUBLE)


def test_some_are_all_or_a_sample_in_order() -> None:
    assert some([3, 1, 2], 3, Random(0)) == [3, 1, 2]
    sample = some(range(100), 10, Random(0))
    assert len(sample) == 10
    assert list(sample) == sorted(set(sample))


def test_without_hypothesis_a_strategy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", missing)
    with pytest.raises(ModuleNotFoundError, match=r"chunkings .* pip install hypothesis"):
        chunkings("a")
    with pytest.raises(ModuleNotFoundError, match=r"texts .* pip install hypothesis"):
        texts()


def test_importing_the_toolkit_imports_neither_hypothesis_nor_trio() -> None:
    program = "import sys, rxstream.testing; print({'hypothesis', 'trio'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
