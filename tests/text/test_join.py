from typing import Any

import rxstream as rxs


def test_each_item_is_the_text_so_far() -> None:
    assert rxs.run(rxs.from_stream(["Hel", "", "lo"]).pipe(rxs.accumulate())) == ["Hel", "Hello"]


def test_chunks_without_text_give_nothing() -> None:
    chunks = [rxs.StreamChunk("", role="assistant"), rxs.StreamChunk("a"), rxs.StreamChunk("", "stop")]
    assert rxs.run(rxs.from_stream(chunks).pipe(rxs.accumulate())) == ["a"]


def test_the_last_item_is_the_whole_answer() -> None:
    answer = rxs.from_recording("10-multibyte", speed=None)
    whole = "".join(chunk.content for chunk in rxs.run(answer))
    assert rxs.run(answer.pipe(rxs.accumulate()))[-1] == whole


def test_of_units_it_makes_growing_text_again() -> None:
    words = rxs.from_stream(["one two"]).pipe(rxs.buffer_words(keep_whitespace=True), rxs.accumulate())
    assert rxs.run(words) == ["one", "one two"]


def test_behind_a_restart_the_text_begins_anew() -> None:
    again = rxs.Restarted(2)
    items: Any = ["Hel", "p", again, "Hel", "lo"]
    seen: list[Any] = []
    assert rxs.run(rxs.from_stream(items).pipe(rxs.accumulate()), on_item=seen.append) == ["Hel", "Hello"]
    assert seen == ["Hel", "Help", again, "Hel", "Hello"]
