"""Reads a configuration file and the files it names; only this and `small_file` touch the file system."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from msgspec import structs

import mtglib
from mtg.config.decode import decode
from mtg.config.redaction import redact, shown
from mtg.config.rules import Findings, settle
from mtg.config.schema import Config
from mtg.config.small_file import read_small_file
from mtg.config.written import got
from mtg.user_error import EXIT_USAGE, UserError, os_reason

_MAX_CONFIG_BYTES = 4 * 1024 * 1024
_MAX_SECRET_BYTES = 4096
_PIPE_TIMEOUT = 5.0
_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration as read from a file. `mtg.build` checks whether it can be run.

    Attributes:
        source: The file it was read from.
        config: Its values; an invalid one is replaced by its default.
        warnings: Warnings about it, one line each.
        problems: The problems of the configuration itself, one line each, all starting with `source`.
        table: The configuration as written; contains secrets.
    """

    source: str
    config: Config
    warnings: tuple[str, ...]
    problems: tuple[str, ...] = ()
    table: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def secret(self) -> mtglib.Secret:
        """The secret; a configuration without problems always has one."""
        assert self.config.secret is not None
        return self.config.secret

    def is_refused(self, key: str) -> bool:
        """Whether a key that was given has a value that it can't have, and so is at its default."""
        return any(problem.startswith(f"{self.source}: {key}: ") for problem in self.problems)

    def problem(self, key: str, expected: str) -> str:
        """Return the line for an invalid value; it shows the value unless it may contain a password."""
        return f"{self.source}: {key}: expected {expected}{got(self.config, self.table, key)}"


def load_config(path: Path) -> Loaded:
    """Read the file and the files it refers to; problems with its values are in the returned object.

    Raises:
        UserError: With EXIT_USAGE and a line that starts with the file's name: the file can't be read or isn't TOML.
    """
    table = _parse(path, _read_text(path))
    loaded = config_from_table(table, source=str(path), directory=path.parent)
    private = path if "secret" in table else path.parent / str(table.get("secret-file"))
    return replace(loaded, warnings=(*_permission_warning(private), *loaded.warnings))


def config_from_table(table: Mapping[str, Any], *, source: str, directory: Path = Path()) -> Loaded:
    """Read a table of TOML values, whose `secret-file` is relative to `directory`; `source` begins each problem."""
    findings = Findings()
    config = decode(Config, table, findings.problems)
    config = settle(config, table, findings)
    if config.secret_file is not None and "secret" not in table:
        config = structs.replace(config, secret=_read_secret(directory, config.secret_file, findings.problems))
    problems = tuple(f"{source}: {problem}" for problem in findings.problems)
    return Loaded(source, config, tuple(findings.warnings), problems, table)


def _read_secret(directory: Path, name: str, problems: list[str]) -> mtglib.Secret | None:
    where = f"secret-file: {shown(name)}"  # through shown: somebody will write the secret itself there
    if "\0" in name:
        problems.append(f"{where}: expected a file name")
        return None
    try:
        return mtglib.Secret.parse(read_small_file(directory / name, _MAX_SECRET_BYTES).decode("ascii"))
    except OSError as error:
        problems.append(f"{where}: {os_reason(error)}")
    except UnicodeDecodeError:
        problems.append(f"{where}: expected a secret in hex or base64")
    except mtglib.MtglibError as error:
        problems.append(f"{where}: {str(error).removeprefix('secret: ')}")
    except ValueError as error:
        problems.append(f"{where}: {error}")
    return None


def _read_text(path: Path) -> str:
    try:
        raw = read_small_file(path, _MAX_CONFIG_BYTES, pipe_timeout=_PIPE_TIMEOUT)
    except OSError as error:
        raise _unreadable(str(path), os_reason(error)) from None
    except ValueError as error:
        raise _unreadable(str(path), str(error)) from None
    try:
        return raw.decode("utf-8-sig")  # editors on Windows put a byte order mark there
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _unreadable(f"{path}:{line}", "expected UTF-8") from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = _TOML_PLACE.search(message)
        line = (place and place[1]) or text.count("\n") + 1
        what = message[: place.start()] if place else message
        raise _unreadable(f"{path}:{line}", redact(f"{what[:1].lower()}{what[1:]}")) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, a list of thousands of lists
        raise _unreadable(str(path), "expected TOML, without huge numbers or deep nesting") from None


def _permission_warning(path: Path) -> tuple[str, ...]:
    """A secret that every user of the machine can read isn't one."""
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except (OSError, ValueError):  # what can't be read, or has a NUL in it, is told by whoever reads it
        return ()
    return (f"{path}: contains the secret, and other users can read it (chmod 600 {path})",) if mode & 0o077 else ()


def _unreadable(source: str, problem: str) -> UserError:
    """The error about a file, whose name is redacted: somebody will give the secret itself in its place."""
    return UserError(f"{redact(source)}: {problem}", exit_code=EXIT_USAGE)
