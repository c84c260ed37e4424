"""`mtg access`: what goes to stdout, what to stderr, and when a QR code is drawn; see also `test_cli`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mtg import qr
from unit.mtg.command_line import run


def test_addresses_may_be_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    assert run(monkeypatch, "access", "-i", "192.0.2.1", "-I", "2001:db8::1", config) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["ipv4"]["ip"], shown["ipv6"]["ip"]) == ("192.0.2.1", "2001:db8::1")


def test_warnings_about_the_configuration_go_to_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    config.chmod(0o644)

    assert run(monkeypatch, "access", "-i", "192.0.2.1", config) == 0
    assert "other users can read it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("terminals", "option", "is_drawn"),
    [
        (("stdout", "stderr"), (), True),
        (("stdout", "stderr"), ("--no-qr",), False),
        (("stderr",), (), False),
        (("stdout",), (), False),
        ((), ("--qr",), True),
    ],
)
def test_a_qr_code_is_drawn_for_somebody_who_looks(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: Path,
    terminals: tuple[str, ...],
    option: tuple[str, ...],
    is_drawn: bool,
) -> None:
    monkeypatch.setattr(qr, "is_terminal", lambda stream: any(stream is getattr(sys, name) for name in terminals))

    assert run(monkeypatch, "access", *option, "-i", "192.0.2.1", config) == 0
    assert ("█" in capsys.readouterr().err) is is_drawn


def test_a_qr_code_is_not_drawn_without_the_characters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    monkeypatch.setattr(qr, "can_draw", lambda _: False)

    assert run(monkeypatch, "access", "--qr", "-i", "192.0.2.1", config) == 0
    assert "█" not in capsys.readouterr().err
