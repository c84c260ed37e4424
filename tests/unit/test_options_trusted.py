"""The options about balancers: whose PROXY headers are believed."""

from __future__ import annotations

from typing import Any

import pytest

from mtglib import OptionError, ProxyOpts, Secret

SECRET = Secret(bytes(range(16)), "front.example")


def refused(trusted: Any) -> OptionError:
    with pytest.raises(OptionError) as caught:
        ProxyOpts.with_defaults(SECRET, proxy_protocol_trusted=trusted)
    return caught.value


def test_by_default_there_are_no_headers_and_everybody_would_be_believed() -> None:
    opts = ProxyOpts.with_defaults(SECRET)

    assert (opts.proxy_protocol_listener, opts.proxy_protocol_trusted, opts.trusted_networks()) == (False, None, None)


def test_trusted_networks_are_canonical() -> None:
    trusted = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::ffff:198.51.100.0/120"]
    networks = ProxyOpts.with_defaults(SECRET, proxy_protocol_trusted=trusted).trusted_networks()

    assert [str(network) for network in networks or ()] == [
        *("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "198.51.100.0/24"),
    ]


@pytest.mark.parametrize("network", ["10.0.0.1/8", "x", "", "10.0.0.0/33", "fe80::1%eth0", 5, None, b"10.0.0.0/8"])
def test_a_trusted_network_that_is_none_is_named(network: Any) -> None:
    raised = refused(["10.0.0.0/8", network])

    assert raised.field == "proxy_protocol_trusted[1]"
    assert raised.expected == 'a network such as "10.0.0.0/8", with zeros behind its prefix, or an IP address'


@pytest.mark.parametrize("trusted", [[], "10.0.0.0/8", 5])
def test_trusted_networks_are_a_list_with_something_in_it(trusted: Any) -> None:
    assert refused(trusted).expected.startswith("a list of networks, got ")
