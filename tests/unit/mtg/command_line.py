"""Runs the command line in process."""

from __future__ import annotations

import sys

import pytest

import mtglib
from mtg import cli

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run `mtg ARGUMENTS`, and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["mtg", *map(str, arguments)])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    return int(raised.value.code or 0)
