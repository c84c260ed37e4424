"""A configuration with every key of mtg 2.x goes on working, and each key is really looked at."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mtg.build import check
from mtg.config import config_from_table
from mtg.config.schema import Config, Section
from mtg.user_error import UserError

TABLE = tomllib.loads((Path(__file__).parent / "mtg_example.toml").read_text())

OURS = {
    "log-level",
    *("secret-file", "fast-mode", "mask-client-addresses", "dc-overrides", "users", "network.timeout.frame"),
    *("defense.anti-replay.kind", "defense.anti-replay.url", "defense.cache-directory"),
    *("defense.front-learning.enabled", "defense.front-learning.each", "defense.front-learning.samples"),
    "defense.front-learning.answer-delay",
    *("defense.limits.visitors", "defense.limits.per-network"),
    *("defense.anti-replay.max-entries", "defense.anti-replay.remember", "state-directory"),
    "network.tcp-not-sent-lowat",
    "network.client-tcp.mss",
    "network.client-tcp.window",
    "domain-fronting.host",
    "proxy-protocol-trusted",
}
"""Keys that mtg 2.x doesn't have."""


def leaves(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in table.items():
        yield from leaves(value, (*path, key)) if isinstance(value, dict) else [(*path, key)]


def schema_leaves(section: type[Section], path: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(section):
        if isinstance(field.type, type) and issubclass(field.type, Section):
            yield from schema_leaves(field.type, f"{path}{field.encode_name}.")
        else:
            yield f"{path}{field.encode_name}"


def changed(path: tuple[str, ...], value: object) -> dict[str, Any]:
    table = copy.deepcopy(TABLE)
    inner = table
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return table


def test_the_example_has_every_key_of_mtg() -> None:
    assert {".".join(path) for path in leaves(TABLE)} | OURS == set(schema_leaves(Config))


def test_the_whole_example_is_accepted() -> None:
    loaded = config_from_table(TABLE, source="example")
    check(loaded)
    assert loaded.secret.host == "front.example"
    assert [warning.partition(":")[0] for warning in loaded.warnings] == [
        *("tcp-buffer", "domain-fronting-port", "domain-fronting-ip", "domain-fronting-proxy-protocol"),
        "network.doh-ip",
    ]


def test_mtgs_defaults_are_ours() -> None:
    without_notes = {key: value for key, value in TABLE.items() if not key.startswith("domain-fronting")}
    given = config_from_table(without_notes, source="example").config
    least = config_from_table({"secret": TABLE["secret"], "bind-to": TABLE["bind-to"]}, source="least").config
    for name in ("concurrency", "prefer_ip", "tolerate_time_skewness", "allow_fallback_on_unknown_dc", "debug"):
        assert getattr(given, name) == getattr(least, name)
    assert given.network.timeout == least.network.timeout
    assert given.network.keep_alive == least.network.keep_alive
    assert given.defense.anti_replay == least.defense.anti_replay
    assert given.defense.doppelganger == least.defense.doppelganger


@pytest.mark.parametrize("path", list(leaves(TABLE)), ids=".".join)
def test_a_wrong_type_is_found_at_every_key(path: tuple[str, ...]) -> None:
    wrong = -1 if path[-1] in ("metric-prefix", "http-path", "dns") else "nonsense value"
    with pytest.raises(UserError) as raised:
        check(config_from_table(changed(path, wrong), source="example"))
    assert raised.value.exit_code == 2
    assert any(line.startswith(f"example: {'.'.join(path)}: expected ") for line in raised.value.lines)


@pytest.mark.parametrize("path", list(leaves(TABLE)), ids=".".join)
def test_a_misspelt_key_is_found_everywhere(path: tuple[str, ...]) -> None:
    misspelt = (*path[:-1], f"{path[-1]}x")
    loaded = config_from_table(changed(misspelt, 1), source="example")
    place = ".".join(path)
    assert loaded.problems == (f'example: {place}x: unknown key, did you mean "{place}"?',)
