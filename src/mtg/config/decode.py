"""Finds all problems of a table, not only the first.

`decode` walks a TOML table beside a `Section` class and returns an instance of it in which invalid values are replaced
by their defaults, so that checks of several keys can go on. Each problem is one line: the key's whole path, the
expected value and the actual one. Values are shown through `mtg.config.redaction`, secrets never.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta

import mtglib
from mtg.config import addresses, urls, values
from mtg.config.redaction import shown, shown_key
from mtg.config.schema import ONE_OR_MANY, Config, Section

S = TypeVar("S", bound=Section)

_BAD: Final = object()  # in place of a value whose problem was already reported


def decode(section: type[S], table: Mapping[str, object], problems: list[str], path: str = "") -> S:
    """Return `table` as a `section`; append one line for each unknown key and invalid value."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(section)}
    good: dict[str, Any] = {}
    for key, value in table.items():
        if key not in fields:
            problems.append(f"{path}{shown_key(key)}: unknown key{_suggestion(key, path, fields)}")
            continue
        made = _value(fields[key].type, value, f"{path}{key}", problems)
        if made is not _BAD:
            good[fields[key].name] = made
    return section(**good)


def _value(type_: Any, value: object, where: str, problems: list[str]) -> object:
    bare, metas, optional = _unwrap(type_)
    if optional and value == "" and bare is not mtglib.Secret:
        return None
    if isinstance(bare, type) and issubclass(bare, Section):
        if isinstance(value, dict):
            return decode(bare, value, problems, f"{where}.")
        return _bad(where, "a table", value, problems)
    if get_origin(bare) is tuple:
        return _list(get_args(bare)[0], metas, value, where, problems)
    if get_origin(bare) is dict and get_args(bare)[0] is not str:
        return _mapping(get_args(bare), value, where, problems)
    return _leaf(bare, type_, metas, value, where, problems)


def _list(item_type: Any, metas: list[Meta], value: object, where: str, problems: list[str]) -> object:
    one_or_many = any(ONE_OR_MANY in (meta.extra or {}) for meta in metas)
    if one_or_many and not isinstance(value, list):
        made = _value(item_type, value, where, problems)
        return _BAD if made is _BAD else (made,)
    if not isinstance(value, list):
        if item_type in (urls.PrivateURL, urls.PageURL):  # no message may show the value
            problems.append(f"{where}: expected a list")
            return _BAD
        return _bad(where, "a list", value, problems)
    if not value and any(meta.min_length for meta in metas):
        return _bad(where, "a list with at least one entry", value, problems)
    items = [_value(item_type, item, f"{where}[{index}]", problems) for index, item in enumerate(value)]
    return _BAD if _BAD in items else tuple(items)


def _mapping(types: Any, value: object, where: str, problems: list[str]) -> object:
    """Decode a table whose keys are numbers, which TOML can only write as text."""
    if not isinstance(value, dict):
        return _bad(where, "a table", value, problems)
    key_type, item_type = types
    made: dict[object, object] = {}
    for key, item in value.items():
        number: object = int(key) if key.isascii() and key.isdigit() and len(key) < 10 else key
        place = f"{where}.{shown_key(key)}"
        made[_value(key_type, number, place, problems)] = _value(item_type, item, place, problems)
    return _BAD if _BAD in made or _BAD in made.values() else made


def _leaf(bare: Any, type_: Any, metas: list[Meta], value: object, where: str, problems: list[str]) -> object:
    if bare is mtglib.Secret:
        return _secret(value, where, problems)
    try:
        parse = _PARSERS.get(bare)
        return parse(value) if parse else msgspec.convert(value, type_)
    except msgspec.ValidationError:  # also a ValueError, but its text isn't for users
        described = [meta.description for meta in metas if meta.description]
        return _bad(where, described[0] if described else _NATIVE.get(bare, "another type"), value, problems)
    except ValueError as error:
        return _bad(where, str(error), value, problems)


def _secret(value: object, where: str, problems: list[str]) -> object:
    """Parse a secret. Its problems use the library's wording, which never quotes it."""
    try:
        if not isinstance(value, str):
            raise ValueError("expected a string")
        return mtglib.Secret.parse(value)
    except (ValueError, mtglib.MtglibError) as error:
        problems.append(f"{where}: {str(error).removeprefix('secret: ')}")
        return _BAD


def _bad(where: str, expected: str, value: object, problems: list[str]) -> object:
    problems.append(f"{where}: expected {expected}, got {shown(value)}")
    return _BAD


def _unwrap(type_: Any) -> tuple[Any, list[Meta], bool]:
    """`Annotated[int, Meta()] | None` -> int, [Meta()], True."""
    metas: list[Meta] = []
    optional = False
    while True:
        arguments = get_args(type_)
        if get_origin(type_) is Annotated:
            metas += [meta for meta in arguments[1:] if isinstance(meta, Meta)]
            type_ = arguments[0]
        elif type(None) in arguments:
            optional = True
            type_ = next(argument for argument in arguments if argument is not type(None))
        else:
            return type_, metas, optional


def _suggestion(key: str, path: str, fields: Mapping[str, object]) -> str:
    """Return a key of this section with a similar name, otherwise the place where a key of this name belongs."""
    near = difflib.get_close_matches(key, fields, n=1)
    if near and near[0] != key:
        return f', did you mean "{path}{near[0]}"?'
    elsewhere = [place for place in _all_paths(Config) if place.rpartition(".")[2] == key]
    return f', did you mean "{elsewhere[0]}"?' if elsewhere else ""


def _all_paths(section: type[Section], path: str = "") -> typing.Iterator[str]:
    for field in msgspec.structs.fields(section):
        yield f"{path}{field.encode_name}"
        if isinstance(field.type, type) and issubclass(field.type, Section):
            yield from _all_paths(field.type, f"{path}{field.encode_name}.")


_NATIVE = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}

_PARSED_BY_THEMSELVES = (
    *(addresses.IPText, addresses.IPPort, addresses.Listen, addresses.NetworkText),
    *(urls.PrivateURL, urls.PageURL),
    *(values.Duration, values.LearningPause, values.RaidPause, values.Size, values.NotSentSize, values.WindowSize),
    *(values.HTTPPath, values.Directory),
    *(values.PreferIPWord, values.TagFormatWord, values.ReplayCacheKind, values.AnswerDelayWord, values.LogLevelWord),
)
_PARSERS: dict[object, Callable[[object], object]] = {
    IPv4Address: addresses.parse_ipv4,
    IPv6Address: addresses.parse_ipv6,
    **{type_: type_.parse for type_ in _PARSED_BY_THEMSELVES},
}
"""The parsers of types that TOML doesn't have; their ValueErrors say what was expected."""
