import pytest

from rxstream.sansio.margin import Container
from rxstream.sansio.tables import begins_table, count_cells, count_delimiters


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ("| a | b |", 2),
        ("a | b", 2),
        ("| a", 1),
        ("a |", 1),
        ("a", 1),
        ("", 0),
        (" \t", 0),
        ("|", 0),
        ("||", 1),
        (r"a \| b | c", 2),
        (r"a \\| b", 1),
        (r"a \|", 1),
    ],
)
def test_cells_stand_between_pipes(row: str, cells: int) -> None:
    assert count_cells(row) == cells


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("---", 1),
        ("|-|", 1),
        ("| :-- | --: | :-: | - |", 4),
        ("--|--", 2),
        (":-|-", 2),
        ("-", 0),
        ("- |-", 0),
        ("|", 0),
        ("||", 0),
        ("|-||-|", 0),
        ("|:|-|", 0),
        ("|-:-|", 0),
        ("|- -|", 0),
        ("|-|x", 0),
        ("", 0),
    ],
)
def test_a_row_of_delimiters_has_dashes_and_colons(line: str, cells: int) -> None:
    assert count_delimiters("  " + line, 2) == cells


@pytest.mark.parametrize(
    ("line", "following", "begins"),
    [
        ("a | b", "-|-", True),
        ("a | b", "> -|-", False),
        ("a | b", "-|-|-", False),
        ("a | b", "    -|-", False),
        ("a | b", "", False),
    ],
)
def test_a_table_has_as_many_delimiters_as_cells(line: str, following: str, begins: bool) -> None:
    assert begins_table(line, 0, following, [], 0) == begins
    assert begins_table("> " + line, 2, "> " + following, [Container(">")], 1) == begins


def test_the_delimiters_stand_in_the_same_containers() -> None:
    item = Container("-", 2)
    assert not begins_table("- a | b", 2, "-|-", [item], 1)
    assert not begins_table("a | b", 0, " -|-", [item], 0)
    assert begins_table("a | b", 0, "  -|-", [item], 0)
