"""What options of users mean."""

from __future__ import annotations

import io
import time
from datetime import datetime
from pathlib import Path

import pytest

from mtg.commands.user_values import read_secret, user_values
from mtg.user_error import UserError


def test_values_are_those_of_the_configuration() -> None:
    assert user_values({"quota": None, "max_networks": None}) == {}
    assert user_values({"quota": "5gb", "quota_period": "day", "expires": "2027-01-31", "max_networks": "4"}) == {
        "quota": "5gb",
        "quota-period": "day",
        "expires": "2027-01-31",
        "max-networks": 4,
    }
    assert user_values({"quota": "none", "max_connections": "none"}) == {"quota": None, "max-connections": None}


def test_a_duration_is_the_moment_so_far_away() -> None:
    expires = datetime.fromisoformat(user_values({"expires": "30d"})["expires"])
    assert abs(expires.timestamp() - time.time() - 30 * 86400) < 60


def test_what_is_no_number_is_a_line_each() -> None:
    with pytest.raises(UserError) as raised:
        user_values({"max_networks": "-1", "max_connections": "many", "quota": "nonsense"})
    assert raised.value.lines == (
        '--max-networks: expected a number, or "none", got "-1"',
        '--max-connections: expected a number, or "none", got "many"',
    )
    assert raised.value.exit_code == 2


def test_a_secret_comes_from_a_file_or_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("ee00\n")
    assert read_secret(tmp_path / "secret") == "ee00"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"ee01\nmore")))
    assert read_secret(Path("-")) == "ee01"


@pytest.mark.parametrize(
    ("content", "told"), [(None, "No such file"), (b"\xff", "in hex or base64"), (b"x" * 5000, "")]
)
def test_a_file_without_a_secret_is_one_line(tmp_path: Path, content: bytes | None, told: str) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_secret(tmp_path / "secret")
    (line,) = raised.value.lines
    assert line.startswith(f"--secret-file: {tmp_path}/secret: ")
    assert told in line
