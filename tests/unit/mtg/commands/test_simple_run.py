"""`mtg simple-run`: where its secret may come from, and the names of its flags in errors."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import pytest
import rich_click as click

import mtglib
from mtg.config import Loaded
from mtg.user_error import EXIT_USAGE, UserError
from unit.mtg.command_line import run

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Loaded]:
    """What is served."""
    served: list[Loaded] = []

    def run_proxy(loaded: Loaded) -> int:
        served.append(loaded)
        if loaded.problems:
            raise UserError(loaded.problems, exit_code=EXIT_USAGE)
        return 0

    monkeypatch.setattr("mtg.run.run_proxy", run_proxy)
    return served


def put_into_stdin(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def test_the_secret_may_be_an_argument(monkeypatch: pytest.MonkeyPatch, served: list[Loaded]) -> None:
    assert run(monkeypatch, "simple-run", "127.0.0.1:1", SECRET.hex()) == 0
    assert served[0].secret == SECRET


def test_the_secret_may_be_a_line_of_stdin(monkeypatch: pytest.MonkeyPatch, served: list[Loaded]) -> None:
    put_into_stdin(monkeypatch, f"{SECRET.hex()}\nanother line\n".encode())

    assert run(monkeypatch, "simple-run", "127.0.0.1:1", "-") == 0
    assert served[0].secret == SECRET


def test_at_a_terminal_the_secret_is_asked_for_without_an_echo(
    monkeypatch: pytest.MonkeyPatch, served: list[Loaded]
) -> None:
    asked: list[dict[str, Any]] = []

    def prompt(_: str, **options: Any) -> str:
        asked.append(options)
        return SECRET.hex()

    put_into_stdin(monkeypatch, b"")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(click, "prompt", prompt)

    assert run(monkeypatch, "simple-run", "127.0.0.1:1", "-") == 0
    assert served[0].secret == SECRET
    assert asked == [{"hide_input": True, "err": True}]


def test_the_secret_may_be_in_the_environment_and_no_child_inherits_it(
    monkeypatch: pytest.MonkeyPatch, served: list[Loaded]
) -> None:
    monkeypatch.setenv("MTG_SECRET", SECRET.hex())

    assert run(monkeypatch, "simple-run", "127.0.0.1:1") == 0
    assert served[0].secret == SECRET
    assert "MTG_SECRET" not in os.environ


def test_bytes_that_are_no_text_are_a_problem_and_not_a_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], served: list[Loaded]
) -> None:
    put_into_stdin(monkeypatch, b"\xff\n")

    assert run(monkeypatch, "simple-run", "127.0.0.1:1", "-") == 2
    assert capsys.readouterr().err.startswith("mtg: SECRET: expected")


def test_problems_name_flags(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], served: list[Loaded]
) -> None:
    assert run(monkeypatch, "simple-run", "-t", "soon", "-c", "0", "127.0.0.1:1", SECRET.hex()) == 2
    names = [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()]
    assert sorted(names) == ["--concurrency", "--timeout"]
