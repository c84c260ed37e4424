"""Writes a small file as a whole, however it is mounted, unless somebody else has changed it. All calls block."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_NO_RENAME = (errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS)
"""A file that is mounted by itself can't be renamed over, and its directory may be read-only."""


class Version(NamedTuple):
    """What tells one version of a file from another, by whatever program it was written."""

    device: int
    inode: int
    mtime_ns: int
    size: int


class ChangedError(Exception):
    """The file isn't the expected version any more."""


def version_of(path: Path) -> Version | None:
    """Return the version of a file; None: it isn't there.

    Raises:
        OSError: That can't be found out.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return Version(found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)


def write_whole(path: Path, data: bytes, expected: Version | None) -> None:
    """Write a file, which then is on the disk. A reader, and a power cut, find the old content or the new one.

    There is one exception: a file that can't be renamed over, as it is mounted by itself, is written in place.

    Args:
        path: The file. A symbolic link stays one. A new file can be read by this user only.
        data: Its new content.
        expected: The version that the content was made from.

    Raises:
        ChangedError: It is another version.
        OSError: It can't be written, and the old content is still there.
    """
    target = Path(os.path.realpath(path))
    if expected is None:
        _replace(target, data, None)
        return
    found = os.stat(target)
    if not stat.S_IMODE(found.st_mode) & 0o222 or not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "is read-only")
    try:
        _replace(target, data, expected, found)
    except OSError as error:
        if error.errno not in _NO_RENAME:
            raise
        _write_in_place(target, data, expected)


def _replace(path: Path, data: bytes, expected: Version | None, old: os.stat_result | None = None) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            if old is not None:
                if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, old.st_uid, old.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        _check_version(path, expected)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_directory(path.parent)


def _write_in_place(path: Path, data: bytes, expected: Version) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        _check_version(path, expected)
        old = os.pread(descriptor, expected.size, 0)
        try:
            _overwrite(descriptor, data)
        except OSError:
            with suppress(OSError):  # there was room for it before
                _overwrite(descriptor, old)
            raise
    finally:
        os.close(descriptor)


def _overwrite(descriptor: int, data: bytes) -> None:
    try:
        os.posix_fallocate(descriptor, 0, max(len(data), 1))  # a full disk shows before anything is written
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], written)
    os.ftruncate(descriptor, len(data))
    os.fsync(descriptor)


def _check_version(path: Path, expected: Version | None) -> None:
    if version_of(path) != expected:
        raise ChangedError


def _sync_directory(path: Path) -> None:
    with suppress(OSError):  # the file itself is on the disk, and some file systems can't do more
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
