"""What `mtg access` answers."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

import mtglib
from mtg.access import make_access
from mtg.config import Loaded, config_from_table
from mtg.user_error import UserError

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
V4, V6 = ipaddress.ip_address("8.8.8.7"), ipaddress.ip_address("2a00::7")


def loaded(**keys: Any) -> Loaded:
    table = {"secret": SECRET.hex(), "bind-to": "127.0.0.1:3128"}
    return config_from_table(table | {key.replace("_", "-"): value for key, value in keys.items()}, source="test")


def test_the_json_has_mtgs_shape() -> None:
    shape = make_access(loaded(), ipv4=V4, ipv6=V6).as_json()
    assert list(shape) == ["ipv4", "ipv6", "secret"]
    assert shape["secret"] == {"hex": SECRET.hex(), "base64": SECRET.base64()}
    for family, ip in (("ipv4", V4), ("ipv6", V6)):
        entry = shape[family]
        assert list(entry) == ["ip", "port", "tg_url", "tg_qrcode", "tme_url", "tme_qrcode"]
        assert (entry["ip"], entry["port"]) == (str(ip), 3128)
        assert SECRET.base64() in entry["tg_url"]
        assert entry["tg_qrcode"].startswith("data:image/png;base64,")
        assert entry["tg_qrcode"] != entry["tme_qrcode"]


def test_an_unknown_family_is_left_out() -> None:
    assert list(make_access(loaded()).as_json()) == ["ipv4", "secret"]


def test_port_and_encoding_can_be_chosen() -> None:
    entry = make_access(loaded(), ipv4=V4, port=443, hex_secret=True).best
    assert entry.port == 443
    assert entry.links.tg_url.endswith(f"&port=443&secret={SECRET.hex()}")


def test_private_addresses_are_noted_and_public_ones_not() -> None:
    assert make_access(loaded(), ipv4=V4).notes() == []
    assert make_access(loaded()).notes() == ["127.0.0.1 works on this machine only; set public-ipv4 or pass -i"]
    (note,) = make_access(loaded(), ipv4=V4, ipv6=ipaddress.ip_address("fd00::1")).notes()
    assert note.endswith("it works only on your local network; set public-ipv6 or pass -I")


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"bind-to": "unix:/x"}, "this server's public address isn't known: set public-ipv4 or pass -i"),
        ({"bind-to": "127.0.0.1:0"}, "bind-to has no port to put into a link: pass -p"),
    ],
)
def test_what_cannot_be_known_is_asked_for(keys: dict[str, str], line: str) -> None:
    with pytest.raises(UserError) as raised:
        make_access(loaded(**keys))
    assert raised.value.lines == (line,)
