"""Options: what is mandatory, what the defaults are, and that every bad value is named with what was expected."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import math
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast, get_type_hints

import pytest

import mtglib
from mtglib import FrontLearning, OptionError, ProxyOpts, Secret
from mtglib.antireplay import Exact, Redis, StableBloom
from unit.recorders import Broken

SECRET = Secret(bytes(range(16)), "front.example")
PARTS: dict[str, tuple[type[OptionError], str]] = {
    "network": (mtglib.NetworkIsNotDefinedError, "dial, http_client"),
    "anti_replay_cache": (mtglib.AntiReplayCacheIsNotDefinedError, "seen_before"),
    "ip_blocklist": (mtglib.IPBlocklistIsNotDefinedError, "contains, run, shutdown"),
    "event_stream": (mtglib.EventStreamIsNotDefinedError, "send"),
    "logger": (mtglib.LoggerIsNotDefinedError, "bind, debug, info, named, warning"),
}
DURATIONS = (
    *("idle_timeout", "tolerate_time_skewness_seconds"),
    *("handshake_timeout", "frame_timeout", "dial_timeout"),
)
FLAGS = (
    *("allow_fallback_on_unknown_dc", "use_test_dcs"),
    *("fast_mode", "drs", "keep_alive", "domain_fronting_proxy_protocol", "proxy_protocol_listener"),
)


def refused(**changes: Any) -> OptionError:
    with pytest.raises(OptionError) as caught:
        ProxyOpts.with_defaults(SECRET, **changes)
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_site_has_a_host_or_an_ip() -> None:
    raised = refused(domain_fronting_host="other.example", domain_fronting_ip="192.0.2.1")
    assert raised.expected == "only one of domain_fronting_ip and domain_fronting_host"


def test_defaults_are_the_documented_ones() -> None:
    opts = ProxyOpts.with_defaults(SECRET)

    assert opts.secret is SECRET
    defaults = {field.name: getattr(opts, field.name) for field in dataclasses.fields(opts)[6:33]}
    assert defaults == {
        "ip_allowlist": None,
        "buffer_size_bytes": 16384,
        "concurrency": 4096,
        "idle_timeout": 300.0,
        "tolerate_time_skewness_seconds": 3.0,
        "prefer_ip": "prefer-ipv6",
        "domain_fronting_port": 443,
        "allow_fallback_on_unknown_dc": False,
        "use_test_dcs": False,
        "handshake_timeout": 10.0,
        "frame_timeout": 30.0,
        "dial_timeout": 5.0,
        "max_visitors": None,
        "max_visitors_per_network": 256,
        "fast_mode": True,
        "drs": False,
        "keep_alive": True,
        "congestion_control": "bbr",
        "front_learning": FrontLearning(),
        "answer_delay": "front",
        "record_urls": (),
        "record_repeats": 10,
        "record_refresh_seconds": 21_600.0,
        "not_sent_low_water_bytes": 131_072,
        "front_network": None,
        "domain_fronting_ip": None,
        "domain_fronting_host": None,
    }
    assert (opts.domain_fronting_proxy_protocol, opts.dc_overrides, opts.relay) == (False, {}, "auto")


def test_defaults_are_made_for_each_and_remember_hellos_whatever_the_skew() -> None:
    made = [ProxyOpts.with_defaults(SECRET, tolerate_time_skewness_seconds=5, clock=lambda: 1000.0) for _ in "12"]
    cache = made[0].anti_replay_cache

    assert cache is not made[1].anti_replay_cache
    assert isinstance(cache, Exact)
    assert (cache.max_entries, cache.directory) == (1_000_000, None)


def test_a_cache_need_not_say_how_long_it_remembers() -> None:
    for cache in (StableBloom(), Redis("redis://127.0.0.1"), Broken()):
        opts = ProxyOpts.with_defaults(SECRET, anti_replay_cache=cache, tolerate_time_skewness_seconds=3600)
        assert opts.anti_replay_cache is cache


def said_by_default(set_up: str) -> str:
    """Return what a process that has an event stream that raises says on stderr."""
    script = f"""
import asyncio, logging, socket, mtglib
{set_up}
class Broken:
    def send(self, event):
        raise RuntimeError("no space left")

async def main():
    secret = mtglib.Secret.generate("front.example")
    options = mtglib.ProxyOpts.with_defaults(secret, event_stream=Broken(), domain_fronting_ip="127.0.0.1")
    async with mtglib.Proxy(options) as proxy:
        ours, theirs = socket.socketpair()
        theirs.close()
        await proxy.serve_conn(ours)

asyncio.run(main())
"""
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stderr


def test_warnings_are_seen_by_default_and_nothing_else() -> None:
    assert said_by_default("") == "Broken.send failed: RuntimeError error=RuntimeError('no space left')\n"


def test_an_application_decides_what_it_sees() -> None:
    everything = said_by_default("logging.basicConfig(level=logging.DEBUG)")

    assert "WARNING:mtglib.proxy" in everything
    assert "DEBUG:mtglib.proxy" in everything
    assert said_by_default("logging.getLogger('mtglib').setLevel(logging.ERROR)") == ""


def test_the_changes_that_a_type_checker_knows_are_the_options() -> None:
    known = get_type_hints(mtglib.OptionChanges)

    assert known == {name: type_ for name, type_ in get_type_hints(ProxyOpts).items() if name != "secret"}
    assert mtglib.OptionChanges.__required_keys__ == frozenset()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("concurency", "; did you mean concurrency?"),
        ("prefer_ipv6", "; did you mean prefer_ip?"),
        ("userz", "; did you mean users?"),
    ],
)
def test_an_option_that_there_is_not_is_told_with_what_was_meant(name: str, meant: str) -> None:
    wrong: Any = {name: 1}
    for make in (ProxyOpts.with_defaults, ProxyOpts):
        with pytest.raises(mtglib.UnknownOptionError) as raised:
            make(secret=SECRET, **wrong)
        assert (str(raised.value), raised.value.field) == (f"{name}: expected the name of an option{meant}", name)
        assert isinstance(raised.value, TypeError), "as Python's own error would be"


@pytest.mark.parametrize("name", PARTS)
def test_mandatory_parts_have_no_default(name: str) -> None:
    whole = ProxyOpts.with_defaults(SECRET)
    given: dict[str, Any] = {part: getattr(whole, part) for part in ("secret", *PARTS) if part != name}

    with pytest.raises(TypeError, match=name):
        ProxyOpts(**given)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_none_has_its_own_error(name: str) -> None:
    error, methods = PARTS[name]

    raised = refused(**{name: None})

    assert type(raised) is error
    assert str(raised) == f"{name}: expected an object with {methods}, got None"
    assert (raised.field, raised.expected) == (name, str(raised).partition("expected ")[2])


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("missing", range(5))
def test_a_part_that_lacks_one_method_is_told_which(name: str, missing: int) -> None:
    error, methods = PARTS[name]
    names = methods.split(", ")
    lacking = names[missing % len(names)]
    body = {method: print for method in names if method != lacking} | {lacking: "not callable"}

    raised = refused(**{name: type("Half", (), body)()})

    assert type(raised) is error
    assert str(raised).endswith(f"; Half lacks {lacking}")


def test_a_part_with_all_methods_is_taken_as_it_is() -> None:
    part = Broken()

    parts: Any = dict.fromkeys((*PARTS, "ip_allowlist", "front_network"), part)
    opts = ProxyOpts.with_defaults(SECRET, **parts)

    assert all(getattr(opts, name) is part for name in (*PARTS, "ip_allowlist", "front_network"))


def plain(*_positional: object, **_named: object) -> Any: ...


async def awaited(*_positional: object, **_named: object) -> bool:
    return False


async def iterated(*_positional: object) -> AsyncIterator[bool]:
    yield False


def generated(*_positional: object) -> Iterator[bool]:
    yield False


class Awaited:
    """A function made of a class."""

    async def __call__(self, *_positional: object) -> bool:
        return False


NOT_PLAIN = [awaited, iterated, generated, Awaited(), functools.partial(awaited, 1), Awaited().__call__]


def part_with(name: str, method: str, function: object) -> object:
    interface = {"ip_allowlist": PARTS["ip_blocklist"], "front_network": PARTS["network"]} | PARTS
    methods = dict.fromkeys(interface[name][1].split(", "), staticmethod(plain))
    return type("Odd", (), methods | {method: function})()


@pytest.mark.parametrize("function", NOT_PLAIN)
@pytest.mark.parametrize(
    ("name", "method"),
    [
        *(("ip_blocklist", "contains"), ("ip_allowlist", "contains"), ("event_stream", "send")),
        *(("logger", method) for method in ("named", "bind", "debug", "info", "warning")),
        *(("network", "http_client"), ("front_network", "http_client")),
    ],
)
def test_a_method_that_nobody_awaits_must_be_plain(name: str, method: str, function: object) -> None:
    raised = refused(**{name: part_with(name, method, staticmethod(cast("Any", function)))})

    assert (raised.field, raised.expected) == (
        name,
        f"a plain function as {method}, but that of Odd has to be awaited",
    )


@pytest.mark.parametrize(
    ("name", "method"),
    [("anti_replay_cache", "seen_before"), ("network", "dial"), ("ip_blocklist", "run"), ("ip_allowlist", "shutdown")],
)
@pytest.mark.parametrize("function", [awaited, plain])
def test_a_method_that_is_awaited_may_be_plain_and_return_what_is(name: str, method: str, function: object) -> None:
    part: Any = part_with(name, method, staticmethod(cast("Any", function)))

    assert getattr(ProxyOpts.with_defaults(SECRET, **{name: part}), name) is part


def test_an_async_context_manager_is_a_plain_function() -> None:
    @contextlib.asynccontextmanager
    async def http_client(*_positional: object) -> AsyncIterator[None]:
        yield

    part: Any = part_with("network", "http_client", staticmethod(http_client))
    assert ProxyOpts.with_defaults(SECRET, network=part).network is part


def test_optional_parts_are_checked_if_given() -> None:
    assert type(refused(ip_allowlist=object())) is mtglib.IPAllowlistIsNotDefinedError
    assert refused(front_network=object()).field == "front_network"


@pytest.mark.parametrize(
    ("secret", "error", "text"),
    [
        (None, mtglib.SecretEmptyError, "a secret, got nothing"),
        (SECRET.hex(), mtglib.SecretInvalidError, "a Secret, got str"),
        (Secret(bytes(16), "a.b"), mtglib.SecretInvalidError, "a key that isn't all zero"),
        (Secret(b"short", "a.b"), mtglib.SecretInvalidError, "a 16-byte key"),
        (Secret(cast("bytes", None), "a.b"), mtglib.SecretInvalidError, "a 16-byte key"),
    ],
)
def test_the_secret_is_checked_and_never_repeated(secret: Any, error: type[OptionError], text: str) -> None:
    with pytest.raises(error) as caught:
        ProxyOpts.with_defaults(secret)
    assert str(caught.value) == f"secret: expected {text}"


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, 10**400, "5s", True, None])
def test_durations_are_positive_numbers(name: str, value: Any) -> None:
    with pytest.raises(OptionError) as caught:
        dataclasses.replace(ProxyOpts.with_defaults(SECRET), **{name: value})

    assert (caught.value.field, caught.value.expected) == (
        name,
        "seconds above 0, up to 31536000 (a year)",
    )


@pytest.mark.parametrize("value", [-1.0, math.nan, "5s", None])
def test_a_bad_skew_is_named_also_where_it_makes_the_window(value: Any) -> None:
    assert refused(tolerate_time_skewness_seconds=value).field == "tolerate_time_skewness_seconds"


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize("value", [1, 0.001, 86400.0])
def test_durations_may_be_ints_and_floats(name: str, value: float) -> None:
    changes: Any = {name: value}
    assert getattr(ProxyOpts.with_defaults(SECRET, **changes), name) == value


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", [1, "yes", None])
def test_flags_are_booleans(name: str, value: Any) -> None:
    assert (refused(**{name: value}).field, refused(**{name: value}).expected) == (name, "True or False")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("concurrency", 0, "a whole number from 1 to 1000000000"),
        ("concurrency", True, "a whole number from 1 to 1000000000"),
        ("concurrency", 1.5, "a whole number from 1 to 1000000000"),
        ("max_visitors", 0, "a whole number from 1 to 1000000000"),
        ("max_visitors", 4097, "at most concurrency, which is 4096"),
        ("max_visitors_per_network", 0, "a whole number from 1 to 1000000000"),
        ("not_sent_low_water_bytes", 0, "a whole number from 1 to 1000000000"),
        ("domain_fronting_port", 0, "a whole number from 1 to 65535"),
        ("domain_fronting_port", 65536, "a whole number from 1 to 65535"),
        ("prefer_ip", "ipv6", "one of prefer-ipv4, prefer-ipv6, only-ipv4, only-ipv6"),
        ("relay", "rust", "one of auto, native, pure"),
        ("domain_fronting_ip", "front.example", "an IP address"),
        ("domain_fronting_ip", "", "an IP address"),
        ("domain_fronting_host", "", 'a host name such as "www.example.com" or an IP address'),
        ("domain_fronting_host", "https://a.example", 'a host name such as "www.example.com" or an IP address'),
        ("domain_fronting_host", "a.example:443", 'a host name such as "www.example.com" or an IP address'),
        ("domain_fronting_host", "[::1]", 'a host name such as "www.example.com" or an IP address'),
        ("domain_fronting_host", "1.2.3", 'a host name such as "www.example.com" or an IP address'),
        ("domain_fronting_host", 5, 'a host name such as "www.example.com" or an IP address'),
        ("clock", 12.0, "a plain function that returns Unix seconds"),
        ("clock", asyncio.sleep, "a plain function that returns Unix seconds"),
        ("dc_overrides", ["127.0.0.1:1"], "a mapping of DC numbers to addresses"),
    ],
)
def test_other_values_are_named_with_what_was_expected(name: str, value: Any, expected: str) -> None:
    assert str(refused(**{name: value})) == f"{name}: expected {expected}, got {value!r}"


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ({0: ["127.0.0.1:1"]}, "dc_overrides[0]"),
        ({-2: ["127.0.0.1:1"]}, "dc_overrides[-2]"),
        ({"2": ["127.0.0.1:1"]}, "dc_overrides['2']"),
        ({2: "127.0.0.1:1"}, "dc_overrides[2]"),
        ({2: []}, "dc_overrides[2]"),
        ({2: [None]}, "dc_overrides[2]"),
        ({2: ["127.0.0.1"]}, "dc_overrides[2]"),
        ({2: ["dc.example:443"]}, "dc_overrides[2]"),
        ({2: ["::1:443"]}, "dc_overrides[2]"),
        ({1: ["127.0.0.1:1"], 203: ["127.0.0.1:0"]}, "dc_overrides[203]"),
    ],
)
def test_overrides_name_the_dc_that_is_wrong(overrides: Any, name: str) -> None:
    assert refused(dc_overrides=overrides).field == name


def test_visitors_may_take_all_connections() -> None:
    assert ProxyOpts.with_defaults(SECRET, concurrency=3, max_visitors=3).max_visitors == 3


def test_a_preference_that_leaves_a_dc_without_address_is_refused() -> None:
    raised = refused(prefer_ip="only-ipv6", dc_overrides={4: ["127.0.0.1:1"]})

    assert str(raised) == "prefer_ip: expected a value that leaves DC 4 with an address, got 'only-ipv6'"


def test_the_table_of_dcs_is_made_of_the_options() -> None:
    overrides = {1: ["127.0.0.1:7", "[::1]:8"]}
    opts = ProxyOpts.with_defaults(
        SECRET, prefer_ip="prefer-ipv4", dc_overrides=overrides, use_test_dcs=True, allow_fallback_on_unknown_dc=True
    )
    table = opts.dc_table()

    assert [(str(a.ip), a.port) for a in table.choose(1).addresses] == [("127.0.0.1", 7), ("::1", 8)]
    assert str(table.choose(10_002).addresses[0].ip) == "149.154.167.40"
    assert table.choose(77).dc == 2


@pytest.mark.parametrize("name", ["", "a" * 16, "b\u00e4r", 5, b"bbr"])
def test_a_congestion_control_that_no_kernel_can_have_is_refused(name: object) -> None:
    assert refused(congestion_control=name).expected == "an algorithm's name, up to 15 characters"
