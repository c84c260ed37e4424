"""What a reload of the configuration changes, and what it tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from msgspec import Struct, structs

import mtglib
from mtg.build import Parts
from mtg.config import Config, Loaded
from mtg.config.values import UserName

UNCHANGEABLE: Final = ("state-directory", "control-socket", "api-bind-to")
"""Keys that a running program keeps as they are: what it remembers there, and who asks it there, goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadResult:
    """The result of a reload.

    Attributes:
        is_applied: Whether the file's settings are in use now, but for `unchangeable` ones; otherwise nothing changed.
        changed: Keys that have another value now, such as "domain-fronting.port".
        unchangeable: Keys that have another value in the file, which takes a restart.
        problems: A line for each problem, without secrets. They are why nothing changed; or, if `is_applied`, what
            doesn't work yet, such as an IP list that can't be read.
        warnings: Warnings about the configuration, one line each.
        at_unix: When that was, Unix seconds.
    """

    is_applied: bool
    changed: tuple[str, ...] = ()
    unchangeable: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    at_unix: float


@dataclass(frozen=True, slots=True)
class Rebuild:
    """How to get parts for what the file says now.

    Attributes:
        read: Reads the file; blocks. Raises UserError.
        build: Makes parts for that, beside those in use; raises UserError.
        follow: Makes the log what a configuration says.
    """

    read: Callable[[], Loaded]
    build: Callable[[Loaded, Parts], Parts]
    follow: Callable[[Loaded], None] = lambda _: None


def keep_unchangeable(loaded: Loaded, config: Config) -> tuple[Loaded, tuple[str, ...]]:
    """Return a configuration with the values of `UNCHANGEABLE` keys in use, and those of them that it has otherwise."""
    kept = tuple(key for key in changed_keys(config, loaded.config) if key in UNCHANGEABLE)
    values = {key.replace("-", "_"): getattr(config, key.replace("-", "_")) for key in kept}
    return replace(loaded, config=structs.replace(loaded.config, **values)), kept


def changed_keys(before: Config, after: Config) -> tuple[str, ...]:
    """Return the keys whose values differ, with their sections: "domain-fronting.port"."""
    return tuple(_changed(_as_written(before), _as_written(after), ""))


def _as_written(config: Config) -> Config:
    """Return the configuration without the secret that the user "default" has from the top-level key."""
    default = UserName(mtglib.DEFAULT_USER)
    if default not in config.users or config.users[default].secret != config.secret:
        return config
    return structs.replace(config, users={**config.users, default: structs.replace(config.users[default], secret=None)})


def _changed(before: Struct, after: Struct, section: str) -> Iterator[str]:
    for name in before.__struct_fields__:
        key = f"{section}{name.replace('_', '-')}"
        values: tuple[Any, Any] = getattr(before, name), getattr(after, name)
        if isinstance(values[0], Struct) and isinstance(values[1], Struct):
            yield from _changed(*values, f"{key}.")
        elif values[0] != values[1]:
            yield key


def log_result(result: ReloadResult, logger: mtglib.Logger) -> None:
    """Log it: a line for what changed, a warning for each problem."""
    for line in (*result.problems, *result.warnings):
        logger.warning(f"reload: {line}")
    for key in result.unchangeable:
        logger.warning(f"reload: {key}: changed in the file, which takes a restart")
    if not result.is_applied:
        logger.warning("reload: nothing has changed, as there are problems")
    else:
        logger.bind(changed=list(result.changed)).info("the configuration was read again")
