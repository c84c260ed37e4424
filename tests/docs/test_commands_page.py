"""docs/commands.md has every command, its arguments and its options, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from docs.pages import ROOT
from mtg.cli import cli
from mtg.commands.asking import asks_a_proxy
from mtg.control_client import client
from mtg.top import view

PAGE = (ROOT / "docs" / "commands.md").read_text()
ROWS = dict(re.findall(r"^\| `mtg ([^`]+)` \| [^|]+ \| ([^|]*) ?\|$", PAGE, re.MULTILINE))


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands(cli))


def flags(command: click.Command) -> set[str]:
    options = [one for one in command.params if isinstance(one, click.Option)]
    return {flag for option in options for flag in (*option.opts, *option.secondary_opts)}


SHARED = flags(click.command()(asks_a_proxy(lambda: None)))


def test_every_command_has_a_row() -> None:
    assert {name.partition(" [")[0].partition(" ")[0] for name in ROWS} == set(cli.commands)
    assert len(ROWS) == len(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_row_has_the_arguments_and_options_of_its_command(name: str) -> None:
    command = COMMANDS[name]
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    row = ROWS[" ".join((name, *(one.make_metavar(click.Context(command)) for one in arguments)))]
    own = flags(command) - (SHARED if "--socket" in flags(command) else set())
    assert set(re.findall(r"`([^`]+)`", row)) == own


def test_shared_options_are_explained() -> None:
    assert {"--socket", "-c", "--config", "--json"} == SHARED
    assert all(f"`{flag}" in PAGE for flag in SHARED)


def test_numbers_and_orders_are_those_of_the_code() -> None:
    assert f"After {client.TIMEOUT_SECONDS:g} s without one" in PAGE
    *but_one, last = view.SORTS
    assert f"sorts by {', '.join(but_one)} or {last}" in PAGE
