"""`simple-run`'s flags as a configuration."""

from __future__ import annotations

from dataclasses import replace

import pytest

import mtglib
from mtg.build import check
from mtg.simple_run import Flags, load_flags, naming_flags
from mtg.user_error import UserError

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
FLAGS = Flags(
    bind_to="127.0.0.1:3128",
    secret=SECRET.base64(),
    debug=False,
    concurrency="8192",
    prefer_ip="prefer-ipv6",
    domain_fronting_port="443",
    domain_fronting_ip=None,
    proxy_protocol_listener=False,
    doh_ip="1.1.1.1",
    timeout="10s",
    socks5_proxies=(),
    antireplay_cache_size="1MB",
)


def test_the_defaults_are_accepted() -> None:
    loaded = load_flags(FLAGS)
    assert loaded.secret == SECRET
    assert loaded.warnings == ()
    assert loaded.config.allow_fallback_on_unknown_dc is True


def test_flags_arrive_and_the_time_out_is_not_the_idle_one() -> None:
    flags = replace(FLAGS, debug=True, concurrency="5", prefer_ip="only-ipv4", domain_fronting_port="8443")
    config = load_flags(replace(flags, domain_fronting_ip="127.0.0.9", timeout="2s")).config
    assert (config.debug, config.concurrency, config.prefer_ip) == (True, 5, "only-ipv4")
    assert (config.domain_fronting.ip, config.domain_fronting.port) == ("127.0.0.9", 8443)
    timeout = config.network.timeout
    assert [float(seconds) for seconds in (timeout.tcp, timeout.http, timeout.idle)] == [2, 2, 300]


def test_a_listener_behind_a_balancer_warns_of_everyone_who_could_be_one() -> None:
    loaded = load_flags(replace(FLAGS, proxy_protocol_listener=True))
    assert loaded.config.proxy_protocol_listener
    assert [warning.partition(":")[0] for warning in loaded.warnings] == ["proxy-protocol-trusted"]
    assert not load_flags(FLAGS).config.proxy_protocol_listener


def test_every_bad_flag_is_named_as_a_flag() -> None:
    flags = replace(FLAGS, bind_to="x", secret="zz", concurrency=SECRET.hex(), prefer_ip="x", domain_fronting_port="0")
    flags = replace(flags, domain_fronting_ip="x", timeout="5", antireplay_cache_size="1")
    with pytest.raises(UserError) as raised, naming_flags():
        check(load_flags(flags))
    assert raised.value.exit_code == 2
    assert {line.partition(":")[0] for line in raised.value.lines} == {
        *("BIND", "SECRET", "--concurrency", "--prefer-ip", "--domain-fronting-port", "--domain-fronting-ip"),
        *("--timeout", "--antireplay-cache-size"),
    }
    assert all("zz" not in line and SECRET.hex() not in line for line in raised.value.lines)


def test_resolver_and_proxies_arrive() -> None:
    loaded = load_flags(replace(FLAGS, doh_ip="9.9.9.9", socks5_proxies=("", "socks5://joe:hush@h:1")))
    assert loaded.config.network.dns == "https://9.9.9.9"
    assert [proxy.url for proxy in loaded.config.network.proxies] == ["", "socks5://joe:hush@h:1"]
    assert load_flags(FLAGS).config.network.dns == "https://1.1.1.1"


def test_a_bad_proxy_is_named_and_its_password_is_not() -> None:
    with pytest.raises(UserError) as raised, naming_flags():
        check(load_flags(replace(FLAGS, socks5_proxies=("", "joe:hush@h"))))
    assert raised.value.lines[0].startswith("--socks5-proxy[1]: expected socks5://")
    assert "hush" not in raised.value.lines[0]


def test_the_secret_is_not_in_the_repr() -> None:
    assert SECRET.base64() not in repr(FLAGS)
