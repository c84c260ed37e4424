"""Key shares lie on the curve, as only real ones do."""

from __future__ import annotations

import pytest

from mtglib import Proxy, ProxyOpts, Secret
from mtglib.keyshare import KeyShares, new_x25519_public_key
from support.server_answer import is_x25519_public_key
from support.without_engine import run_without_engine


def test_key_shares_are_fresh_and_on_the_curve() -> None:
    keys = {new_x25519_public_key() for _ in range(64)}

    assert len(keys) == 64
    assert all(len(key) == 32 and is_x25519_public_key(key) for key in keys)


def test_so_are_those_without_the_engine() -> None:
    script = "from mtglib.keyshare import new_x25519_public_key as new; print(*(new().hex() for _ in range(32)))"

    keys = [bytes.fromhex(key) for key in run_without_engine(script).split()]
    assert len(set(keys)) == 32
    assert all(is_x25519_public_key(key) for key in keys)


def test_a_supply_gives_each_key_away_once() -> None:
    supply, another = KeyShares(), KeyShares()

    taken = [supply.take() for _ in range(100)] + [another.take() for _ in range(100)]

    assert len(set(taken)) == 200
    assert all(is_x25519_public_key(key) for key in taken)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every key that is made, in a supply or for a proxy."""
    made: list[bytes] = []

    def new() -> bytes:
        made.append(len(made).to_bytes(32))
        return made[-1]

    for module in ("keyshare", "proxy"):
        monkeypatch.setattr(f"mtglib.{module}.new_x25519_public_key", new)
    return made


def test_keys_are_made_32_at_a_time(made: list[bytes]) -> None:
    supply = KeyShares()
    assert made == [], "none that nobody needs"

    for taken, expected in ((1, 32), (31, 32), (1, 64)):
        for _ in range(taken):
            supply.take()
        assert len(made) == expected


def test_the_processs_first_key_is_made_before_any_client_waits_for_it(made: list[bytes]) -> None:
    Proxy(ProxyOpts.with_defaults(Secret.generate("front.example")))

    assert len(made) == 1
