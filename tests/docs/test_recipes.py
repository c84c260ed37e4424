"""CONTRIBUTING.md's recipes: the tests that they name exist, and tell when a place was forgotten."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from docs.pages import ROOT
from docs.test_reliability_page import functions_in
from mtg.build import build_parts
from mtg.config import config_from_table
from mtg.config.rules import PENDING
from mtg.config.schema import Config, Section
from mtg.logs import build_logger
from mtg.server_address import server_address
from mtglib import Reason, Secret
from mtglib.stats.metrics import METRICS

RECIPES = (ROOT / "CONTRIBUTING.md").read_text().partition("## Recipes\n")[2].partition("\n## ")[0]
PENDING_KEYS = {key for key, _ in PENDING}
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", RECIPES)


def test_there_are_recipes() -> None:
    assert len(re.findall(r"^### ", RECIPES, re.MULTILINE)) == 6
    assert len(NAMED) > 8


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_that_a_recipe_names_exists(path: str, name: str) -> None:
    assert not name or name in functions_in(ROOT / path)


def keys(section: type[Section], prefix: str = "") -> Iterator[str]:
    """Each key of the schema, dotted. What isn't there yet is left out."""
    for field in msgspec.structs.fields(section):
        key = f"{prefix}{field.encode_name}"
        if key in PENDING_KEYS:
            continue
        if isinstance(field.default, Section):
            yield from keys(type(field.default), f"{key}.")
        else:
            yield key


def paths(section: Section, prefix: str = "") -> Iterator[tuple[int, str]]:
    """Each section by its id, with what its keys begin with."""
    yield id(section), prefix
    for field in msgspec.structs.fields(section):
        if isinstance(value := getattr(section, field.name), Section):
            yield from paths(value, f"{prefix}{field.encode_name}.")


def keys_read(table: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The dotted keys that are read to build the program's parts from this, not those that only rules look at."""
    loaded = config_from_table({**LEAST, **table}, source="test")
    assert loaded.problems == ()
    sections, read = dict(paths(loaded.config)), set[str]()

    def recording(section: Section, name: str) -> object:
        if (prefix := sections.get(id(section))) is not None:
            read.add(f"{prefix}{name.replace('_', '-')}")
        return object.__getattribute__(section, name)

    with monkeypatch.context() as patched:
        patched.setattr(Section, "__getattribute__", recording)
        parts = build_parts(loaded, logger=build_logger(loaded))
        for version in (4, 6):
            server_address(parts.config, version)
    return read


LEAST = {"secret": Secret.generate("front.example").hex(), "bind-to": "127.0.0.1:0"}
ALL_ON = {
    "domain-fronting": {"ip": "127.0.0.1"},
    "defense": {name: {"enabled": True, "urls": ["/a-list"]} for name in ("blocklist", "allowlist")},
    "stats": {
        "statsd": {"enabled": True, "address": "127.0.0.1:8125"},
        "prometheus": {"enabled": True, "bind-to": "127.0.0.1:3129"},
    },
}
USED_BY_RULES = {
    *("debug", "secret", "secret-file", "secrets", "users-file", "tcp-buffer", "network.doh-ip"),
    *("api-token-file", "throttle.check-interval"),
    *("domain-fronting-ip", "domain-fronting-port", "domain-fronting-proxy-protocol"),
}
"""Whose value is in another key afterwards, or without effect."""


def test_the_program_reads_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("redis")
    read = keys_read(ALL_ON, monkeypatch)
    for anti_replay in ({"kind": "bloom"}, {"kind": "redis", "url": "redis://127.0.0.1:1"}):
        read |= keys_read({"defense": {"anti-replay": anti_replay}}, monkeypatch)
    read |= keys_read({"users": {"default": {"max-connections": 20}}}, monkeypatch)

    assert set(keys(Config)) - read == USED_BY_RULES


def test_every_metric_is_counted() -> None:
    named = {
        node.value
        for path in (ROOT / "src" / "mtglib" / "stats").glob("*.py")
        if path.name != "metrics.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
    }

    assert {metric.name for metric in METRICS} - named == set()


def test_every_reason_is_given() -> None:
    sources = [path.read_text() for path in (ROOT / "src" / "mtglib").rglob("*.py") if path.name != "reasons.py"]
    given = set(re.findall(r"\bReason\.([A-Z_]+)\b", "\n".join(sources)))

    assert {reason.name for reason in Reason} - given == set()
