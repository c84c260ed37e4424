"""docs/configuration.md has every key of the schema, with its right default, and says truly what isn't there yet."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import mtglib
from mtg.build import check
from mtg.config import config_from_table
from mtg.config.decode import decode
from mtg.config.rules import PENDING
from mtg.config.schema import Config, FrontHostSection, Section, UserSection
from mtglib.antireplay import Exact

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


def documented() -> dict[str, tuple[str, str]]:
    """Each dotted key of the page's tables -> its default and its meaning."""
    found, section = {}, ""
    for line in PAGE.splitlines():
        if heading := re.fullmatch(r"## (?:`\[(.+)\]`|.+)", line):
            section = f"{heading[1]}." if heading[1] else ""
        elif row := re.fullmatch(r"\| `([a-z0-9.-]+)` \| (.+?) \| (.+) \|", line):
            found[section + row[1]] = (row[2], row[3])
    return found


OF_TABLES = {"dc-overrides", "users", "secrets", "domain-fronting.hosts"}
"""Keys whose tables have names that the operator chooses."""


def keys(section: type[Section], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each dotted key of the schema and its default."""
    for field in msgspec.structs.fields(section):
        if isinstance(field.default, Section):
            yield from keys(type(field.default), f"{prefix}{field.encode_name}.")
        else:
            yield prefix + field.encode_name, field.default


def test_every_key_is_there_and_no_other() -> None:
    in_schema = {key for key, _ in keys(Config)} - OF_TABLES
    of_users = {key for key, _ in keys(UserSection, "users.NAME.")}
    of_hosts = {key for key, _ in keys(FrontHostSection, "domain-fronting.hosts.HOST.")}
    assert set(documented()) == in_schema | of_users | of_hosts
    assert "## `[dc-overrides]`" in PAGE
    assert "## `[secrets]`" in PAGE


def test_defaults_are_the_schemas() -> None:
    written: dict[str, Any] = {"secret": "ee" + 16 * "01" + b"front.example".hex(), "bind-to": "127.0.0.1:3128"}
    for key, (default, _) in documented().items():
        if default.startswith("`") and not key.startswith("users."):
            *sections, name = key.split(".")
            table = written
            for section in sections:
                table = table.setdefault(section, {})
            table[name] = tomllib.loads(f"value = {default.strip('`')}")["value"]
    at_defaults = {name: written[name] for name in ("secret", "bind-to")}
    as_written = config_from_table(written, source="docs")
    assert as_written.problems == ()
    assert as_written.config == config_from_table(at_defaults, source="docs").config


def test_defaults_of_a_user_are_the_schemas() -> None:
    defaults = {key: default.strip("`") for key, (default, _) in documented().items() if default.startswith("`")}
    rows = {key.removeprefix("users.NAME."): text for key, text in defaults.items() if key.startswith("users.")}
    written = tomllib.loads("\n".join(f"{key} = {default}" for key, default in rows.items()))
    assert decode(UserSection, written, []) == UserSection()


def test_the_bounds_of_max_entries_are_those_of_the_memory() -> None:
    with pytest.raises(mtglib.OptionError) as raised:
        Exact(max_entries=0)
    bounds = raised.value.expected.removeprefix("a whole number from ")
    assert f": {bounds}. " in documented()["defense.anti-replay.max-entries"][1]


def test_what_is_not_there_yet_is_marked() -> None:
    section_marks = set(re.findall(r"## `\[(.+)\]`\n\n\*Not yet\*", PAGE))
    marked = {key for key, (_, meaning) in documented().items() if "*not yet*" in meaning.lower()}
    pending = {key for key, _ in PENDING}
    assert pending == section_marks | marked


def test_example_is_a_whole_configuration() -> None:
    example = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]
    check(config_from_table(tomllib.loads(example), source="docs"))
