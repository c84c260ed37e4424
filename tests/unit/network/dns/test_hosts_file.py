"""Names that no server is asked for."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mtglib.network.dns.hosts_file import HostsFile, parse_hosts

TEXT = """
# comment
127.0.0.1  localhost
192.0.2.1\tone.example One  # first
2001:db8::1 one.example.
nonsense two.example
192.0.2.2
"""


def test_lines_give_addresses_to_names() -> None:
    assert parse_hosts(TEXT) == {
        "localhost": ["127.0.0.1"],
        "one.example": ["192.0.2.1", "2001:db8::1"],
        "one": ["192.0.2.1"],
    }


@given(text=st.text())
def test_any_text_is_taken(text: str) -> None:
    for name, addresses in parse_hosts(text).items():
        assert name == name.lower().rstrip(".")
        assert addresses


async def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("192.0.2.1 a.example\n")
    hosts = HostsFile(str(path))
    assert await hosts.addresses("a.example") == ["192.0.2.1"]
    path.write_text("192.0.2.2 a.example\n")
    os.utime(path, ns=(1, 1))

    assert await hosts.addresses("a.example") == ["192.0.2.2"]
    assert await hosts.addresses("b.example") == []


async def test_localhost_is_this_machine_even_without_a_file(tmp_path: Path) -> None:
    hosts = HostsFile(str(tmp_path / "missing"))

    for name in ("localhost", "a.localhost"):
        assert await hosts.addresses(name) == ["::1", "127.0.0.1"]
    assert await hosts.addresses("a.example") == []


async def test_a_pipe_in_place_of_the_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hosts")

    assert await HostsFile(str(tmp_path / "hosts")).addresses("a.example") == []
