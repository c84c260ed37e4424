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
from .list_error import ListError

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


@dataclass(frozen=True, slots=True)
class Copy:
    """What is on the disk.

    Attributes:
        text: Of the list.
        digest: SHA-256 of the text.
        validators: What the server calls it.
    """

    text: bytes
    digest: bytes
    validators: Validators


class Copies:
    """A directory of copies; its methods block.

    Args:
        directory: Made when the first copy is written.
        max_bytes: A longer copy is none.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes

    def read(self, url: str) -> Copy | None:
        """Return the copy; None if there is none.

        Raises:
            ListError: There is a file, but it can't be read or isn't what was written.
        """
        try:
            return _parse(read_bounded(self._path(url), self._max_bytes + _MAX_HEADER_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self.unusable(url, error.strerror or str(error)) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self.unusable(url, "damaged") from error

    def has(self, url: str, digest: bytes, validators: Validators) -> bool:
        """Tell whether there is a whole copy, of this version."""
        try:
            copy = self.read(url)
        except ListError:
            return False
        return copy is not None and (copy.digest, copy.validators) == (digest, validators)

    def keep(self, url: str, text: bytes, validators: Validators) -> None:
        """Replace the copy, unless it is the same; whoever reads meanwhile finds the old one or the new one.

        Raises:
            OSError: It can't be written; the old one is still there.
        """
        digest = hashlib.sha256(text)
        if self.has(url, digest.digest(), validators):
            return
        about = {"sha256": digest.hexdigest(), "etag": validators.etag, "last_modified": validators.last_modified}
        self._write(self._path(url), b"#" + json.dumps(about).encode() + b"\n", text)

    def unusable(self, url: str, why: str) -> ListError:
        """Make the error of a copy that is no help."""
        return ListError(f"its copy {self._path(url)} can't be used, so it is empty until it is downloaded: {why}")

    def _write(self, path: Path, *parts: bytes) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Mode 0600: the address of a list may be a secret, and so may its contents.
        descriptor, temporary = tempfile.mkstemp(prefix=".iplist-", dir=self._directory)
        try:
            with open(descriptor, "wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _path(self, url: str) -> Path:
        return self._directory / f"iplist-{hashlib.sha256(url.encode()).hexdigest()[:32]}.netset"


def _parse(file: bytes) -> Copy:
    """Take a file apart.

    Raises:
        ValueError, KeyError, TypeError, RecursionError: It isn't what `Copies` writes.
    """
    header, _, text = file.partition(b"\n")
    about = json.loads(header.removeprefix(b"#"))
    digest = hashlib.sha256(text)
    if about["sha256"] != digest.hexdigest():
        raise ValueError("another text")
    return Copy(text, digest.digest(), Validators.of_stranger(about["etag"], about["last_modified"]))
