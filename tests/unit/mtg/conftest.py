"""What tests of several commands need."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.mtg.command_line import SECRET


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A small configuration file that is in order."""
    path = tmp_path / "c.toml"
    path.touch(mode=0o600)
    path.write_text(f'secret = "{SECRET.hex()}"\nbind-to = "127.0.0.1:3128"\n')
    return path
