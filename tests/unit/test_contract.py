"""The table docs/contract.toml holds every name of the contract, and every counterpart in it exists."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import mtglib

DOCS = Path(__file__).parents[2] / "docs"
EVENTS = {
    "EventStart": "RemoteIP",
    "EventConnectedToDC": "RemoteIP DC",
    "EventDomainFronting": "",
    "EventTraffic": "Traffic IsRead",
    "EventFinish": "",
    "EventReplayAttack": "",
    "EventConcurrencyLimited": "",
    "EventIPBlocklisted": "RemoteIP IsBlockList",
    "EventIPListSize": "Size IsBlockList",
}
METHODS = {
    "AntiReplayCache": "SeenBefore",
    "Event": "StreamID Timestamp",
    "EventStream": "Send",
    "IPBlocklist": "Contains Run Shutdown",
    "Logger": "Named BindInt BindStr BindJSON Printf Info InfoError Warning WarningError Debug DebugError",
    "Network": "Dial DialContext MakeHTTPClient",
    "Proxy": "Serve ServeConn Shutdown DomainFrontingAddress",
    "Secret": "Base64 Hex String Valid Set MarshalText UnmarshalText",
    **dict.fromkeys(EVENTS, "StreamID Timestamp"),
}
FIELDS = {
    "ProxyOpts": "Secret Network AntiReplayCache IPBlocklist IPAllowlist EventStream Logger BufferSize Concurrency "
    "IdleTimeout TolerateTimeSkewness PreferIP DomainFrontingPort AllowFallbackOnUnknownDC UseTestDCs",
    "Secret": "Key Host",
    **EVENTS,
}
CONSTANTS = {
    "DefaultConcurrency": 4096,
    "DefaultBufferSize": 16 * 1024,
    "DefaultDomainFrontingPort": 443,
    "DefaultIdleTimeout": 300.0,  # the contract's own, 60, is marked deprecated
    "DefaultTolerateTimeSkewness": 3.0,
    "DefaultPreferIP": "prefer-ipv6",
    "SecretKeyLength": 16,
    "ConnectionIDBytesLength": 16,
    "TCPRelayReadTimeout": 20.0,
}
PARTS = ("Network", "AntiReplayCache", "IPBlocklist", "IPAllowlist", "EventStream", "Logger")
ERRORS = ("ErrSecretEmpty", "ErrSecretInvalid", *(f"Err{part}IsNotDefined" for part in PARTS))
TYPES = {*METHODS, *FIELDS}
MAKERS = {"NewProxy", "GenerateSecret", "ParseSecret", "NewEventIPAllowlisted", *(f"New{event}" for event in EVENTS)}


def load_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("contract_table", DOCS / "contract.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLE = load_table()
ROWS: dict[str, str] = {row.contract: row.python for row in TABLE.read_rows()}


def members(kind: dict[str, str]) -> set[str]:
    return {f"{owner}.{member}" for owner, names in kind.items() for member in names.split()}


def resolve(path: str) -> Any:
    """Follow a dotted path from `mtglib`; fields of dataclasses count, though instances have them."""
    root, *names = path.split(".")
    assert root == "mtglib"
    found: Any = mtglib
    for name in names:
        found = getattr(found, name)
    return found


def pick(names: set[str]) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    return pytest.mark.parametrize("name", sorted(names))


def test_no_name_of_the_contract_is_missing_or_made_up() -> None:
    wanted = {*CONSTANTS, *ERRORS, *TYPES, *MAKERS, *members(METHODS), *members(FIELDS)}

    assert set(ROWS) == wanted
    assert len(TABLE.read_rows()) == len(wanted) == 124
    assert (len(FIELDS["ProxyOpts"].split()), len(TYPES), len(ERRORS), len(CONSTANTS)) == (15, 18, 8, 9)


def test_everything_is_public() -> None:
    names = {path.split(".")[1] for path in ROWS.values()}

    assert names <= set(mtglib.__all__)
    assert not any(part.startswith("_") for path in ROWS.values() for part in path.split("."))


@pytest.mark.parametrize(("name", "value"), CONSTANTS.items())
def test_constants_have_their_values(name: str, value: object) -> None:
    assert resolve(ROWS[name]) == value
    assert type(resolve(ROWS[name])) is type(value)


@pick(set(ERRORS))
def test_errors_are_exceptions_of_their_own(name: str) -> None:
    error = resolve(ROWS[name])

    assert issubclass(error, mtglib.OptionError)
    assert error.__name__ == f"{name.removeprefix('Err')}Error"


@pick(TYPES)
def test_types_keep_their_names(name: str) -> None:
    assert inspect.isclass(resolve(ROWS[name]))
    assert resolve(ROWS[name]).__name__ == name


@pick(MAKERS)
def test_what_makes_is_callable(name: str) -> None:
    assert callable(resolve(ROWS[name]))


@pick(members(METHODS))
def test_methods_are_methods_properties_or_fields_of_their_type(name: str) -> None:
    owner_path, _, member = ROWS[name].rpartition(".")

    assert owner_path == ROWS[name.partition(".")[0]]
    owner, found = resolve(owner_path), resolve(ROWS[name])
    fields = {field.name for field in dataclasses.fields(owner)} if dataclasses.is_dataclass(owner) else set()
    assert callable(found) or isinstance(found, property) or member in fields


@pick(members(FIELDS))
def test_fields_are_fields_of_their_type(name: str) -> None:
    owner_path, _, member = ROWS[name].rpartition(".")

    assert owner_path == ROWS[name.partition(".")[0]]
    assert member in {field.name for field in dataclasses.fields(resolve(owner_path))}


def test_what_differs_in_more_than_spelling_has_a_note() -> None:
    """Spelling: TheName becomes the_name."""
    for row in TABLE.read_rows():
        if row.contract in members(METHODS) | members(FIELDS) and not row.note:
            plain = row.contract.rpartition(".")[2].lower()
            assert row.python.rpartition(".")[2].replace("_", "").startswith(plain), row.contract


def test_the_page_shows_the_table() -> None:
    assert (DOCS / "contract.md").read_text() == TABLE.render(), "run `python docs/contract.py`"
