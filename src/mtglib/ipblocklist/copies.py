"""The last good text of each download, kept on disk for starts without a network.

A copy is the text as it came, after one comment line with what the server calls this version and a checksum, so that
it still is a netset. A copy that is damaged is none.
"""

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .files import read_bounded

_MAX_HEADER_BYTES = 4096
_MAX_VALIDATOR_CHARS = 1024


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server calls a version of a resource (RFC 9110, 8.8); empty: nothing."""

    etag: str = ""
    last_modified: str = ""

    @classmethod
    def of_stranger(cls, etag: object, last_modified: object) -> "Validators":
        """Take what may be sent back in a request, and nothing else."""
        return cls(*(text if _is_sendable(text) else "" for text in (str(etag), str(last_modified))))


def _is_sendable(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= _MAX_VALIDATOR_CHARS


class Copies:
    """A directory of copies; its methods block.

    Args:
        directory: Made when the first copy is written.
        max_bytes: A longer copy is none.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes

    def read(self, url: str) -> tuple[bytes, Validators] | None:
        """Return the text and its validators; None if there is no whole copy."""
        try:
            header, _, text = read_bounded(self._path(url), self._max_bytes + _MAX_HEADER_BYTES).partition(b"\n")
            about = json.loads(header.removeprefix(b"#"))
            validators = Validators.of_stranger(about["etag"], about["last_modified"])
            whole = about["sha256"] == hashlib.sha256(text).hexdigest()
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return (text, validators) if whole else None

    def write(self, url: str, text: bytes, validators: Validators) -> None:
        """Replace the copy: whoever reads finds the old one or the new one.

        Raises:
            OSError: It can't be written; the old one is still there.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = {
            "sha256": hashlib.sha256(text).hexdigest(),
            "etag": validators.etag,
            "last_modified": validators.last_modified,
        }
        # Mode 0600: the address of a list may be a secret, and so may its contents.
        descriptor, temporary = tempfile.mkstemp(prefix=".iplist-", dir=self._directory)
        try:
            with open(descriptor, "wb") as file:
                file.write(b"#" + json.dumps(about).encode() + b"\n")
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, self._path(url))
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _path(self, url: str) -> Path:
        return self._directory / f"iplist-{hashlib.sha256(url.encode()).hexdigest()[:32]}.netset"
