"""`mtg quickstart`: the command line of what `mtg.quickstart` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unit.mtg.command_line import run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, dict[str, Any]]]:
    """What was started."""
    calls: list[tuple[Path, dict[str, Any]]] = []

    def quickstart(path: Path, **options: Any) -> int:
        calls.append((path, options))
        return 3

    monkeypatch.setattr("mtg.quickstart.quickstart", quickstart)
    return calls


@pytest.mark.parametrize("arguments", [(), ("--host", "", "--port", "", "--server", "")])
def test_an_empty_option_is_a_default(
    monkeypatch: pytest.MonkeyPatch, started: list[tuple[Path, dict[str, Any]]], arguments: tuple[str, ...]
) -> None:
    assert run(monkeypatch, "quickstart", *arguments) == 3
    assert started == [(Path("mtg.toml"), {"host": None, "port": None, "server": None})]


def test_options_arrive(monkeypatch: pytest.MonkeyPatch, started: list[tuple[Path, dict[str, Any]]]) -> None:
    options = ("--host", "a.example", "--port", "65535", "--server", "192.0.2.1")

    assert run(monkeypatch, "quickstart", *options, "c.toml") == 3
    assert started == [(Path("c.toml"), {"host": "a.example", "port": 65535, "server": "192.0.2.1"})]


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1", "1e3", "٣", "9" * 5000], ids=ascii)
def test_a_port_that_is_none_is_exit_code_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    started: list[tuple[Path, dict[str, Any]]],
    port: str,
) -> None:
    assert run(monkeypatch, "quickstart", "--port", port) == 2
    shown = port if len(port) < 100 else "***"  # which a secret could be
    assert capsys.readouterr().err == f'mtg: --port: expected a port from 1 to 65535, got "{shown}"\n'
    assert started == []
