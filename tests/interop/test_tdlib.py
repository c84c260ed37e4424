"""Telegram's own client library gets through the proxy, and only with the right secret and the right time."""

from __future__ import annotations

from typing import Any

import pytest

from interop.tdlib_scenarios import NOT_TLS
from mtglib.keyshare import KeyShares
from mtglib.wire.client_hello import assemble
from mtglib.wire.handshake import NamedGroup
from mtglib.wire.hello_shape import HelloShape, parse_shape
from mtglib.wire.known_hellos import TDLIB
from support.netns import require_root_and_netns, run_in_netns
from support.nginx_site import nginx_is_missing
from support.recorded_hellos import RECORDED_HELLOS
from support.tdlib import tdlib_is_missing


@pytest.fixture(autouse=True)
def isolated() -> None:
    """Skip, with the reason, where TDLib can't be run without a way out."""
    if reason := tdlib_is_missing():
        pytest.skip(reason)
    require_root_and_netns()


def scenario(name: str, **arguments: Any) -> Any:
    """Run one of the scenarios in a network namespace of its own."""
    return run_in_netns(f"interop.tdlib_scenarios:{name}", **arguments)


@pytest.mark.parametrize("use_test_dc", [False, True], ids=["production", "test-dc"])
def test_real_client_gets_through(relay: str, fast_mode: bool, use_test_dc: bool) -> None:
    seen = scenario("honest_client", relay=relay, fast_mode=fast_mode, use_test_dc=use_test_dc)

    offset = 10_000 if use_test_dc else 0
    assert seen["ping_seconds"] > 0
    assert set(seen["pinged_dcs"]) == {offset + 1}
    assert seen["tested_dcs"] == [2]
    assert seen["exchanges"][1:], "the client itself never completed a key exchange's first half"
    assert seen["problems"] == []
    assert seen["fronted"] == 0
    assert set(seen["server_hello_bytes"]) == {1210}, "with a post-quantum share, as TDLib offers it"
    assert seen["engine"].startswith(relay)


def test_real_client_takes_records_as_long_as_a_sites(relay: str, fast_mode: bool) -> None:
    seen = scenario("full_records", relay=relay, fast_mode=fast_mode)

    assert max(seen["record_bytes"]) == 16_401
    assert seen["problems"] == []


def test_real_client_takes_records_of_a_shape(relay: str, subtests: pytest.Subtests) -> None:
    if reason := nginx_is_missing():
        pytest.skip(reason)
    for learnt in (False, True):
        with subtests.test("learnt" if learnt else "dynamic"):
            seen = scenario("shaped_records", relay=relay, learnt=learnt)

            first, *later = [sizes for sizes in seen["record_bytes"] if len(sizes) > 10 or max(sizes, default=0) > 4246]
            assert first[:10] == [1386] * 10
            assert any(sizes[0] == sizes[1] < 1386 for sizes in later) is learnt, "two tickets, and then the page"
            assert seen["problems"] == []


@pytest.mark.parametrize(
    ("wrong_secret", "clock_off_seconds"),
    [(True, 0.0), (False, 3600.0), (False, -3600.0)],
    ids=["wrong-secret", "clock-fast", "clock-slow"],
)
def test_refused_client_reaches_the_site_unchanged(
    relay: str, fast_mode: bool, wrong_secret: bool, clock_off_seconds: float
) -> None:
    seen = scenario(
        "refused_client",
        relay=relay,
        fast_mode=fast_mode,
        wrong_secret=wrong_secret,
        clock_off_seconds=clock_off_seconds,
    )

    assert all("First part of response to hello is invalid" in error for error in seen["errors"])
    assert seen["reached_dcs"] == []
    assert seen["at_the_site"] == seen["sent"]
    assert len(seen["sent"]) >= 2
    assert all(sent.startswith("160301") for sent in seen["sent"])
    assert seen["to_client"] == [NOT_TLS.hex()] * len(seen["sent"])
    recorded = parse_shape(RECORDED_HELLOS["tdlib"]).key
    assert {shape_of(bytes.fromhex(sent)).key for sent in seen["sent"]} == {recorded}, (
        "if it offers more: record it anew"
    )


def shape_of(sent: bytes) -> HelloShape:
    """What TDLib's hello offers."""
    assembled = assemble(sent)
    assert assembled
    shape = parse_shape(assembled[0])
    assert shape.key == parse_shape(TDLIB.record("front.example", bytes)).key, "sites are asked with it beforehand"
    assert shape.supported_versions == (0x0304, 0x0303)
    assert shape.alpn == (b"h2", b"http/1.1")
    assert {group: len(share) for group, share in shape.key_shares.items()} == {0x11EC: 1216, 0x001D: 32}
    assert KeyShares().answer_to(NamedGroup.X25519_MLKEM768, shape.key_shares[NamedGroup.X25519_MLKEM768])
    return shape


def test_refused_client_takes_a_real_site_for_what_it_is(relay: str) -> None:
    if reason := nginx_is_missing():
        pytest.skip(reason)

    errors = scenario("refused_client_at_a_real_site", relay=relay)

    assert errors == ["Response hash mismatch"] * 2
