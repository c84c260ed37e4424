"""From a configuration to the library's options."""

from __future__ import annotations

from typing import Any

import pytest

import mtglib
from mtg.build import build_options
from mtg.config import config_from_table
from mtg.user_error import UserError
from mtglib.noop import NoopAntiReplayCache, NoopLogger

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


def options(table: dict[str, Any]) -> mtglib.ProxyOpts:
    whole = {"secret": SECRET.hex(), "bind-to": "127.0.0.1:1", **table}
    return build_options(config_from_table(whole, source="test"), concurrency=7, logger=NoopLogger())


def test_defaults_are_the_programs_not_the_librarys() -> None:
    built = options({})
    assert built.secret == SECRET
    assert built.concurrency == 7
    assert built.tolerate_time_skewness_seconds == 5
    assert built.anti_replay_cache is not None
    assert (built.dial_timeout, built.idle_timeout) == (5, 300)
    assert (built.handshake_timeout, built.frame_timeout) == (10, 30)
    assert (built.domain_fronting_ip, built.domain_fronting_port) == (None, 443)
    assert built.fast_mode is True
    assert built.prefer_ip == "prefer-ipv6"


def test_every_working_key_arrives() -> None:
    built = options(
        {
            "prefer-ip": "only-ipv4",
            "tolerate-time-skewness": "9s",
            "allow-fallback-on-unknown-dc": True,
            "fast-mode": False,
            "domain-fronting": {"ip": "127.0.0.9", "port": 8443, "proxy-protocol": True},
            "network": {"timeout": {"tcp": "1s", "idle": "2m", "handshake": "3s", "frame": "4s"}},
            "dc-overrides": {"2": ["127.0.0.1:9443", "[::1]:9444"]},
        }
    )
    assert built.prefer_ip == "only-ipv4"
    assert built.tolerate_time_skewness_seconds == 9
    assert built.allow_fallback_on_unknown_dc is True
    assert built.fast_mode is False
    assert (built.domain_fronting_ip, built.domain_fronting_port) == ("127.0.0.9", 8443)
    assert built.domain_fronting_proxy_protocol is True
    assert (built.dial_timeout, built.idle_timeout) == (1, 120)
    assert (built.handshake_timeout, built.frame_timeout) == (3, 4)
    assert dict(built.dc_overrides) == {2: ["127.0.0.1:9443", "[::1]:9444"]}


def test_anti_replay_can_be_switched_off() -> None:
    assert isinstance(options({"defense": {"anti-replay": {"enabled": False}}}).anti_replay_cache, NoopAntiReplayCache)


def test_values_that_do_not_fit_together_are_the_users_fault() -> None:
    with pytest.raises(UserError, match="prefer_ip") as raised:
        options({"prefer-ip": "only-ipv6", "dc-overrides": {"2": ["127.0.0.1:9443"]}})
    assert raised.value.exit_code == 2
