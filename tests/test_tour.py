"""The tour is tested as a user takes it in test_cli.py; here is what its screen knows."""

import pytest

from rxstream.tour import Screen


def test_a_line_is_ended_once_and_only_if_one_is_begun(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(" ")
    screen.end_line()
    screen.show("a")
    screen.end_line()
    screen.end_line()
    assert capsys.readouterr().out == "a \n"


def test_nothing_is_printed_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Screen("").show("")
    assert capsys.readouterr().out == ""
