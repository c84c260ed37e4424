"""The last good text of each download, kept on disk for starts without a network.

A copy is the text as downloaded, after one comment line with the server's validators and a checksum, so it is still a
netset. A damaged copy isn't used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from ..ground.files import open_regular, replace_file
from .files import read_rest
from .list_error import ListError
from .pieces import sha256

_MAX_HEADER_BYTES = 16 * 1024  # for two validators; JSON may double each character
_MAX_VALIDATOR_CHARS = 1024


@dataclass(frozen=True, slots=True)
class Validators:
    """A server's validators for a version of a resource (RFC 9110, 8.8); empty: none."""

    etag: str = ""
    last_modified: str = ""

    @classmethod
    def of_server(cls, etag: object, last_modified: object) -> Validators:
        """Keep those of a server's values that may be sent back to it in a request."""
        return cls(*(text if _is_sendable(text) else "" for text in (str(etag), str(last_modified))))


def _is_sendable(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= _MAX_VALIDATOR_CHARS


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy read from disk.

    Attributes:
        text: The list's text, in pieces of whole lines.
        validators: The server's validators for it.
    """

    text: Sequence[bytes]
    validators: Validators


class DiskCache:
    """A directory of copies; its methods block.

    Args:
        directory: The directory; created when the first copy is written.
        max_bytes: The most bytes of a copy's text; a longer copy isn't used.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes

    def read(self, url: str) -> Copy | None:
        """Return the copy; None if there is none.

        Raises:
            ListError: The file exists, but can't be read or is damaged.
        """
        try:
            with open_regular(self._path(url)) as file:
                digest, validators = _read_header(file)
                text = read_rest(file, self._max_bytes)
            if sha256(text) != digest:
                raise ValueError("another text")
            return Copy(text, validators)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self.unusable(url, error.strerror or str(error)) from error
        except _DAMAGED as error:
            raise self.unusable(url, "damaged") from error

    def has(self, url: str, digest: bytes, validators: Validators) -> bool:
        """Return whether there is an undamaged copy of this version."""
        try:
            with open_regular(self._path(url)) as file:
                is_this = _read_header(file) == (digest, validators)
                # In pieces: a list may be large, and needn't be in memory twice.
                return is_this and hashlib.file_digest(file, "sha256").digest() == digest
        except (OSError, *_DAMAGED):
            return False

    def keep(self, url: str, text: Sequence[bytes], validators: Validators) -> None:
        """Replace the copy, unless it is the same. A concurrent reader finds either the old or the new one.

        Raises:
            OSError: The copy can't be written; the old one is still there.
        """
        digest = sha256(text)
        if self.has(url, digest, validators):
            return
        about = {"sha256": digest.hex(), "etag": validators.etag, "last_modified": validators.last_modified}
        replace_file(self._path(url), b"#" + json.dumps(about).encode() + b"\n", *text)

    def unusable(self, url: str, why: str) -> ListError:
        """Make the error for a copy that can't be used."""
        return ListError(
            f"its copy {self._path(url)} can't be used, so the list is empty until it is downloaded: {why}"
        )

    def _path(self, url: str) -> Path:
        return self._directory / f"iplist-{hashlib.sha256(url.encode()).hexdigest()[:32]}.netset"


_DAMAGED = (ValueError, KeyError, TypeError, RecursionError)


def _read_header(file: BufferedReader) -> tuple[bytes, Validators]:
    """Read the first line: the text's digest and the server's validators.

    Raises:
        ValueError, KeyError, TypeError, RecursionError: The line wasn't written by `DiskCache`, or is damaged.
    """
    about = json.loads(file.readline(_MAX_HEADER_BYTES).removeprefix(b"#"))
    return bytes.fromhex(about["sha256"]), Validators.of_server(about["etag"], about["last_modified"])
