"""Reads the file of the API's token."""

from __future__ import annotations

import re
from pathlib import Path

from mtg.config.redaction import shown
from mtg.config.secret_files import permission_warning
from mtg.config.small_file import read_small_file
from mtg.user_error import os_reason

_MAX_BYTES = 4096
_TOKEN = re.compile(rb"[!-~]{16,512}")


def read_token_file(directory: Path, name: str, problems: list[str], warnings: list[str]) -> str | None:
    """Return the token; None if there is a problem, with a line in `problems`."""
    where = f"api-token-file: {shown(name)}"  # redacted: somebody will write the token itself there
    if "\0" in name:
        problems.append(f"{where}: expected a file name")
        return None
    try:
        token = read_small_file(directory / name, _MAX_BYTES).strip()
    except OSError as error:
        problems.append(f"{where}: {os_reason(error)}")
        return None
    except ValueError as error:
        problems.append(f"{where}: {error}")
        return None
    warnings += permission_warning(directory / name, "contains the API's token, and other users can read it")
    if not _TOKEN.fullmatch(token):
        problems.append(
            f"{where}: expected 16 to 512 letters, digits and signs on one line (`openssl rand -hex 32` makes some)"
        )
        return None
    return token.decode("ascii")
