"""How each of several sites is reached."""

from __future__ import annotations

import tomllib

import pytest

import mtglib
from mtg.config import Loaded, config_from_table

A, B = (mtglib.Secret(bytes([number]) * 16, f"{name}.example").hex() for number, name in ((1, "A"), (2, "b")))
CONFIG = f'bind-to = "0.0.0.0:443"\n[secrets]\nann = "{A}"\nbob = "{B}"\n'


def loaded(front: str) -> Loaded:
    return config_from_table(tomllib.loads(f"{CONFIG}[domain-fronting]\n{front}"), source="c")


def addresses(front: str) -> dict[str, tuple[str | None, str | None, int | None, bool | None]]:
    found = loaded(front)
    assert (found.problems, found.warnings) == ((), ())
    hosts = found.config.domain_fronting.hosts
    return {str(name): (one.host, one.ip, one.port, one.proxy_protocol) for name, one in hosts.items()}


def test_a_host_has_what_the_section_says_and_its_own_values_win() -> None:
    front = 'port = 8443\nproxy-protocol = true\nip = "192.0.2.1"\n'
    assert addresses(f'{front}[domain-fronting.hosts."b.example"]\nport = 443\n') == {
        "b.example": (None, "192.0.2.1", 443, True)
    }
    assert addresses(f'{front}[domain-fronting.hosts."b.example"]\nproxy-protocol = false\n') == {
        "b.example": (None, "192.0.2.1", 8443, False)
    }


def test_a_host_with_an_address_of_its_own_has_no_other() -> None:
    assert addresses('host = "elsewhere.example"\n[domain-fronting.hosts."b.example"]\nip = "192.0.2.2"\n') == {
        "b.example": (None, "192.0.2.2", 443, False)
    }
    assert addresses('ip = "192.0.2.1"\n[domain-fronting.hosts."b.example"]\nhost = "b2.example"\n') == {
        "b.example": ("b2.example", None, 443, False)
    }


def test_case_does_not_matter() -> None:
    assert list(addresses('[domain-fronting.hosts."a.EXAMPLE"]\nport = 1\n')) == ["a.example"]


@pytest.mark.parametrize(
    ("front", "line"),
    [
        (
            '[domain-fronting.hosts."b.example"]\n[domain-fronting.hosts."B.example"]\n',
            'domain-fronting.hosts."B.example": is there twice, as case doesn\'t matter',
        ),
        (
            '[domain-fronting.hosts."https://b"]\n',
            'domain-fronting.hosts."https://b": expected a host name such as www.example.com, got "https://b"',
        ),
        (
            '[domain-fronting.hosts."b.example"]\nport = 0\n',
            'domain-fronting.hosts."b.example".port: expected a port from 1 to 65535, got 0',
        ),
        (
            '[domain-fronting.hosts."b.example"]\nip = "127.0.0.1"\n',
            'domain-fronting.hosts."b.example".ip: 127.0.0.1:443 is this proxy itself, which listens on 0.0.0.0:443; '
            "expected the site's address",
        ),
        (
            'default-host = "a b"\n',
            'domain-fronting.default-host: expected a host name such as www.example.com, got "a b"',
        ),
    ],
)
def test_what_is_wrong_is_one_line(front: str, line: str) -> None:
    assert loaded(front).problems == (f"c: {line}",)


def test_the_proxys_own_address_is_told_once() -> None:
    found = loaded('ip = "127.0.0.1"\n[domain-fronting.hosts."b.example"]\nproxy-protocol = true\n')
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    ("front", "warning"),
    [
        (
            '[domain-fronting.hosts."c.example"]\nport = 1\n',
            'domain-fronting.hosts."c.example": has no effect, as it is the host of no user\'s secret',
        ),
        (
            '[domain-fronting.hosts."b.example"]\nhost = "x.example"\nip = "192.0.2.1"\n',
            'domain-fronting.hosts."b.example".ip: has no effect beside domain-fronting.hosts."b.example".host',
        ),
    ],
)
def test_what_has_no_effect_is_told(front: str, warning: str) -> None:
    assert loaded(front).warnings == (warning,)


def test_the_default_host_is_one_of_the_hosts() -> None:
    assert addresses('default-host = "c.example"\n[domain-fronting.hosts."c.example"]\nport = 1\n')
