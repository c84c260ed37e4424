"""Parameters of several commands, seen from the command line."""

from __future__ import annotations

import pytest

from unit.mtg.command_line import run


@pytest.mark.parametrize(
    ("option", "value", "version"), [("-i", "::1", 4), ("-I", "192.0.2.1", 6), ("--ipv4", "a.example", 4)]
)
def test_an_address_has_its_options_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str, value: str, version: int
) -> None:
    assert run(monkeypatch, "access", option, value, "c.toml") == 2
    assert f"expected an IPv{version} address, got '{value}'" in capsys.readouterr().err


def test_each_example_has_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "generate-secret", "--help")
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]

    assert {"$ mtg generate-secret www.example.com", "$ mtg generate-secret --hex www.example.com"} <= {*lines}
