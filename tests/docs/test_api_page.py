"""docs/api.md is as the docstrings are, and has all that is public."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re

import pytest

import mtglib
from tools import api_reference

TEXT = api_reference.PAGE.read_text()
PARTS = re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
ENTRIES = {
    f"{package}.{name}": entry
    for package, part in PARTS
    for name, entry in re.findall(r"^### (\S+)\n(.*?)(?=^### |\Z)", part, re.MULTILINE | re.DOTALL)
}


def test_the_page_is_what_the_tool_makes_of_the_docstrings() -> None:
    assert api_reference.render() == TEXT, "run `python -m tools.api_reference`"


def test_defaults_are_values() -> None:
    """They aren't names of constants, which only the source has, nor calls that only dataclasses understand."""
    declared = re.findall(r"^(?:- )?`([^`\n]*)`", TEXT, re.MULTILINE)
    assert len(declared) > 300
    assert [one for one in declared if re.search(r" = (?:\w+\.)*(?:_|[A-Z_]+\b)| = field\(", one)] == []
    assert any("concurrency: int = 4096" in one for one in declared)
    assert any("remember_seconds: float = 7 * 24 * 3600.0," in one for one in declared)


def test_every_public_name_stands_on_it() -> None:
    packages = {package: importlib.import_module(package) for package in api_reference.PACKAGES}
    offered = {
        f"{name}.{one}"
        for name, package in packages.items()
        for one in getattr(package, "__all__", [one for one in vars(package) if one.startswith("Noop")])
    }

    assert set(ENTRIES) == offered
    assert {"mtglib.events.Fanout", "mtglib.network.Direct", "mtglib.logger.make_logger"} <= offered
    assert {"mtglib.Observer", "mtglib.ClientError", "mtglib.UpstreamError", "mtglib.EngineError"} <= offered


@pytest.mark.parametrize("name", ENTRIES)
def test_each_is_explained_with_all_that_it_has(name: str) -> None:
    package, _, last = name.rpartition(".")
    value = getattr(importlib.import_module(package), last)
    entry = ENTRIES[name]

    assert re.search(r"^\w[^`]+", entry, re.MULTILINE), "words"
    if inspect.isclass(value):
        for member, what in vars(value).items():
            if not member.startswith("_") and (inspect.isroutine(what) or isinstance(what, property)):
                assert f"`{last}.{member}(" in entry or f"`async {last}.{member}(" in entry
        if dataclasses.is_dataclass(value):
            own = [field for field in dataclasses.fields(value) if field.name in value.__annotations__]
            for field in own:
                assert field.name.startswith("_") or f"`{field.name}: " in entry
    if inspect.isclass(value) and issubclass(value, mtglib.Reason):
        assert all(f"`{member.name} = " in entry for member in value)
