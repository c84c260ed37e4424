"""Where a site is reached."""

from __future__ import annotations

from typing import Any

import pytest

from mtglib import FrontAddress, OptionError


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ({}, ("front.example", 443)),
        ({"port": 8443}, ("front.example", 8443)),
        ({"ip": "2001:db8::1"}, ("2001:db8::1", 443)),
        ({"host": "other.example"}, ("other.example", 443)),
    ],
)
def test_it_is_the_sites_name_unless_something_else_is_given(given: dict[str, Any], dialled: tuple[str, int]) -> None:
    assert FrontAddress(**given).of_site("front.example") == dialled


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"port": 0}, "port: expected a whole number from 1 to 65535"),
        ({"ip": "front.example"}, "ip: expected an IP address"),
        ({"host": "https://front.example"}, "host: expected a host name"),
        ({"host": "a.example", "ip": "192.0.2.1"}, "host: expected only one of ip and host"),
        ({"proxy_protocol": 2}, "proxy_protocol: expected True or False"),
    ],
)
def test_what_cannot_be_dialled_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(OptionError, match=f"^{problem}"):
        FrontAddress(**given)
