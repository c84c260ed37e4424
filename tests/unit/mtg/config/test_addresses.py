"""Addresses of the configuration."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtg.config.addresses import ControlSocket, IPPort, IPText, Listen, ListenIP, ListenUnix, parse_ipv4, parse_ipv6


@settings(deadline=None)
@given(st.ip_addresses(), st.integers(1, 65535))
def test_ip_port_round_trips(ip: object, port: int) -> None:
    host = str(ip)
    text = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    parsed = IPPort.parse(text)
    assert (parsed.host, parsed.port, str(parsed)) == (host, port, text)


@settings(deadline=None)
@given(st.text() | st.from_regex(r"\[?[0-9a-f:.%]{0,20}\]?:[0-9]{0,6}", fullmatch=True))
def test_address_parsers_raise_nothing_but_value_error(text: str) -> None:
    for parse in (IPPort.parse, Listen.parse, IPText.parse, parse_ipv4, parse_ipv6):
        with contextlib.suppress(ValueError):
            parse(text)


@pytest.mark.parametrize(
    "value",
    [
        *("", ":", ":800", "localhost", "localhost:80", "google.com:", "12...:80", "1.2.3.4", "1.2.3.4:", "1.2.3.4:x"),
        *(
            "::1:80",
            "[::1]",
            "[1.2.3.4]:80",
            "[::1]:80:90",
            "1.2.3.4:\uff18\uff10",
            "1.2.3.4:-1",
            "[fe80::1%eth0]:80",
            80,
            None,
        ),
    ],
)
def test_ip_port_says_what_it_expects(value: object) -> None:
    with pytest.raises(ValueError, match=r"^IP:port such as"):
        IPPort.parse(value)


@pytest.mark.parametrize("text", ["1.2.3.4:0", "1.2.3.4:65536", "[::1]:99999"])
def test_ip_port_has_port_bounds(text: str) -> None:
    with pytest.raises(ValueError, match="a port from 1 to 65535"):
        IPPort.parse(text)


def test_listen_takes_any_port_and_a_unix_path() -> None:
    assert Listen.parse("127.0.0.1:0") == ListenIP("127.0.0.1", 0)
    assert Listen.parse("[::]:443") == ListenIP("::", 443)
    assert Listen.parse("unix:/run/mtg.sock") == ListenUnix("/run/mtg.sock")
    assert str(Listen.parse("unix:/run/mtg.sock")) == "unix:/run/mtg.sock"


@pytest.mark.parametrize("text", ["unix:", "unix:" + "a" * 108, "unix:a\0b"])
def test_listen_refuses_paths_that_no_socket_can_have(text: str) -> None:
    with pytest.raises(ValueError, match='"unix:" and a path of at most 107 bytes'):
        Listen.parse(text)


def test_ip_text_is_canonical() -> None:
    assert IPText.parse(" 2001:DB8:0::1 ") == "2001:db8::1"


@pytest.mark.parametrize(("parse", "text"), [(parse_ipv4, "::1"), (parse_ipv6, "1.2.3.4"), (parse_ipv4, "1.2.3")])
def test_ip_version_is_checked(parse: type, text: str) -> None:
    with pytest.raises(ValueError, match=r"^an IPv[46] address$"):
        parse(text)


@pytest.mark.parametrize("text", ["/run/mtg/mtg.sock", "off", "/" + "x" * 106])
def test_a_control_socket_is_a_path_or_off(text: str) -> None:
    assert ControlSocket.parse(text) == text


@pytest.mark.parametrize("value", ["mtg.sock", "", "unix:/a", "/a\0", "/" + "x" * 107, "/" + "é" * 60, 1, None, ["/a"]])
def test_no_control_socket(value: object) -> None:
    with pytest.raises(ValueError, match=r'^an absolute path of at most 107 bytes, or "off"$'):
        ControlSocket.parse(value)
