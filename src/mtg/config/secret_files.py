"""Reads the files that hold secrets, and tells who else can read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import mtglib
from mtg.config.redaction import shown
from mtg.config.small_file import read_small_file
from mtg.user_error import os_reason

_MAX_SECRET_BYTES = 4096


def read_secret_file(directory: Path, name: str, key: str, problems: list[str]) -> mtglib.Secret | None:
    """Return the secret in a file; None, and a line that starts with `key`, if there is none.

    Args:
        directory: Where a relative `name` begins.
        name: The file's name.
        key: The configuration's key that names the file.
        problems: Gets the line.
    """
    where = f"{key}: {shown(name)}"  # redacted: somebody will write the secret itself there
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


def permission_warning(path: Path) -> tuple[str, ...]:
    """Return a warning if other users of the machine can read the secret in a file."""
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except (OSError, ValueError):  # reading the file reports it: it is missing, or its name contains a NUL
        return ()
    return (f"{path}: contains the secret, and other users can read it (chmod 600 {path})",) if mode & 0o077 else ()
