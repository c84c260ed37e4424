"""Reads a configuration file and the files it names; only this and `small_file` touch the file system."""

from __future__ import annotations

import os
import re
import stat
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
from mtg.config.toml import TOMLError, parse_toml
from mtg.config.written import got
from mtg.user_error import EXIT_USAGE, UserError, os_reason

_MAX_CONFIG_BYTES = 4 * 1024 * 1024
_MAX_SECRET_BYTES = 4096
_TOKEN = re.compile(rb"[!-~]{16,512}")
_PIPE_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration as read from a file. `mtg.build` checks whether it can be run.

    Attributes:
        source: The file it was read from.
        config: Its values; an invalid one is replaced by its default.
        warnings: Warnings about it, one line each.
        problems: The problems of the configuration itself, one line each, all starting with `source`.
        table: The configuration as written; contains secrets.
        api_token: What `api-token-file` holds; None if there is no such file.
    """

    source: str
    config: Config
    warnings: tuple[str, ...]
    problems: tuple[str, ...] = ()
    table: Mapping[str, Any] = field(default_factory=dict, repr=False)
    api_token: str | None = field(default=None, repr=False)

    @property
    def secret(self) -> mtglib.Secret:
        """The secret; a configuration without problems always has one."""
        assert self.config.secret is not None
        return self.config.secret

    def is_refused(self, key: str) -> bool:
        """Whether a key was given an invalid value, and so has its default."""
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
    warnings = _permission_warning(private, "contains the secret, and other users can read it")
    if (token := loaded.config.api_token_file) is not None:
        told = "contains the API's token, and other users can read it"
        warnings += _permission_warning(path.parent / token, told)
    return replace(loaded, warnings=(*warnings, *loaded.warnings))


def config_from_table(table: Mapping[str, Any], *, source: str, directory: Path = Path()) -> Loaded:
    """Read a table of TOML values, whose files are relative to `directory`; `source` begins each problem."""
    findings = Findings()
    config = decode(Config, table, findings.problems)
    config = settle(config, table, findings)
    if config.secret_file is not None and "secret" not in table:
        config = structs.replace(config, secret=_read_secret(directory, config.secret_file, findings.problems))
    token = None
    if config.api_token_file is not None:
        token = _read_token(directory, config.api_token_file, findings.problems)
    problems = tuple(f"{source}: {problem}" for problem in findings.problems)
    return Loaded(source, config, tuple(findings.warnings), problems, table, token)


def _read_secret(directory: Path, name: str, problems: list[str]) -> mtglib.Secret | None:
    where = f"secret-file: {shown(name)}"  # redacted: somebody will write the secret itself there
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


def _read_token(directory: Path, name: str, problems: list[str]) -> str | None:
    where = f"api-token-file: {shown(name)}"  # redacted: somebody will write the token itself there
    if "\0" in name:
        problems.append(f"{where}: expected a file name")
        return None
    try:
        token = read_small_file(directory / name, _MAX_SECRET_BYTES).strip()
    except OSError as error:
        problems.append(f"{where}: {os_reason(error)}")
        return None
    except ValueError as error:
        problems.append(f"{where}: {error}")
        return None
    if not _TOKEN.fullmatch(token):
        problems.append(
            f"{where}: expected 16 to 512 letters, digits and signs on one line (`openssl rand -hex 32` makes some)"
        )
        return None
    return token.decode("ascii")


def _read_text(path: Path) -> str:
    try:
        raw = read_small_file(path, _MAX_CONFIG_BYTES, pipe_timeout=_PIPE_TIMEOUT)
    except OSError as error:
        raise _unreadable(str(path), os_reason(error)) from None
    except ValueError as error:
        raise _unreadable(str(path), str(error)) from None
    try:
        return raw.decode("utf-8-sig")  # editors on Windows write a byte order mark
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _unreadable(f"{path}:{line}", "expected UTF-8") from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return parse_toml(text)
    except TOMLError as error:
        place = path if error.line is None else f"{path}:{error.line}"
        raise _unreadable(str(place), str(error)) from None


def _permission_warning(path: Path, told: str) -> tuple[str, ...]:
    """Return a warning if other users of the machine can read a private file."""
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except (OSError, ValueError):  # reading the file reports it: it is missing, or its name contains a NUL
        return ()
    return (f"{path}: {told} (chmod 600 {path})",) if mode & 0o077 else ()


def _unreadable(source: str, problem: str) -> UserError:
    """The error about a file. Its name is redacted: somebody will write the secret itself in its place."""
    return UserError(f"{redact(source)}: {problem}", exit_code=EXIT_USAGE)
