"""What is printed for people and for pipes."""

from __future__ import annotations

import pytest

from mtg.reports.cells import cell, facts, table
from mtg.reports.console import print_report


def test_a_pipe_gets_whole_lines_without_spaces_at_their_ends(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(table([("NAME", "left"), ("N", "right"), ("", "left")], [(cell("x" * 300), cell(1), cell(""))]))
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["NAME", "N"]
    assert row == "x" * 300 + "  1"


def test_values_can_neither_move_the_cursor_nor_be_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(facts([("[bold]a", cell("[red]\x1b[2Jb\nc\u202e é"))]))
    assert capsys.readouterr().out == "[bold]a  [red]\\x1b[2Jb\\nc\\u202e é\n"
