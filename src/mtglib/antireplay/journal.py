"""A directory of files that keeps records across restarts. All calls block.

New records are appended to the latest file. A file is full when it has an eighth of the records to keep, so the oldest
are forgotten by deleting a file. One process at a time uses the directory: it holds a lock, which the kernel releases
when the process ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import OptionError
from .entries import KEY_BYTES, AnyEntries, Entries
from .journal_format import HEADER_BYTES, MOST_RECORDS, Blocks, Header, pack_block, pack_header, parse_header

_NAME = re.compile(r"hellos-(0[0-9]{9})\.seen")


@dataclass(slots=True)
class _File:
    name: str
    end_sequence: int


@dataclass(frozen=True, slots=True)
class _Place:
    """How far records are safely on disk: `sequence` is the next one, `offset` and `count` are of the latest file."""

    sequence: int = 0
    offset: int = HEADER_BYTES
    count: int = 0


class Journal:
    """The files of one directory.

    Args:
        directory: Created when needed, with mode 0700; files have 0600.
        record_bytes: The length of a record.
        file_entries: The number of records after which a new file is begun.
        now_unix: Returns Unix seconds.
        key: The key of the first file; None: a random one.

    Attributes:
        notes: Problems with the files that were read, one line each, with the file's name.
    """

    def __init__(
        self,
        directory: Path,
        record_bytes: int,
        file_entries: int,
        now_unix: Callable[[], float],
        key: bytes | None = None,
    ) -> None:
        self.notes: list[str] = []
        self._directory = directory
        self._record_bytes = record_bytes
        self._file_entries = file_entries
        self._now_unix = now_unix
        self._key = key or secrets.token_bytes(KEY_BYTES)
        self._folder: int | None = None
        self._latest: int | None = None
        self._files: deque[_File] = deque()
        self._next_number = 1
        self._safe = _Place()

    @property
    def is_usable(self) -> bool:
        """Whether the directory is there, and ours."""
        return self._folder is not None

    @property
    def saved(self) -> int:
        """The number of the first record that isn't safely on disk."""
        return self._safe.sequence

    def load(self, make: Callable[[bytes], AnyEntries]) -> AnyEntries:
        """Make entries with the files' key, or a new one, and add all records that can be read.

        Raises:
            OptionError: Another process uses the directory, or another object of this one.
        """
        names: list[str] = []
        try:
            names = _names(self._open_folder())
        except OSError as error:
            why = error.strerror or error
            self.notes.append(
                f"{self._directory}: can't be used ({why}): after a restart, hellos seen before it can be replayed"
            )
        headers = {name: header for name in names if (header := self._header(name))}
        if headers:
            self._key = headers[max(headers, key=_number)].key
        entries = make(self._key)
        for name, header in headers.items():
            self._load_file(name, header, entries)
        return entries

    def write(self, entries: Entries) -> bool:
        """Append new records, safe against a power cut, and delete files whose records are all forgotten.

        Returns:
            Whether there were new records.

        Raises:
            OSError, OptionError: It failed. Records that aren't written yet are written the next time, unless they are
                forgotten by then.
        """
        has_appended = False
        try:
            self._notice_another_directory()
            if self._latest is not None and os.fstat(self._latest).st_nlink == 0:
                self._start_over()
            while (found := entries.since(self._safe.sequence, MOST_RECORDS))[1]:
                self._append(*found)
                has_appended = True
            while self._files and self._files[0].end_sequence <= entries.forgotten:
                self._delete_oldest()
        except OSError:
            self._roll_back()
            raise
        return has_appended

    def close(self) -> None:
        """Release the directory."""
        self._close_latest()
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    def _open_folder(self) -> int:
        if self._folder is not None:
            return self._folder
        why_not_made: OSError | None = None
        try:
            _make_directory(self._directory)
        except OSError as error:  # it may be there all the same, and read-only
            why_not_made = error
        try:
            folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError as missing:
            raise why_not_made or missing from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if names := _names(folder):
                self._next_number = max(self._next_number, _number(names[-1]) + 1)
        except BlockingIOError:
            os.close(folder)
            raise OptionError("directory", "a directory that no other process uses", str(self._directory)) from None
        except BaseException:
            os.close(folder)
            raise
        self._folder = folder
        return folder

    @contextmanager
    def _reading(self, name: str) -> Iterator[BinaryIO]:
        """Open a file, unless it is a pipe or something else that could block."""
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(name, flags, dir_fd=self._open_folder())
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError("not a regular file")
            yield file

    def _header(self, name: str) -> Header | None:
        try:
            with self._reading(name) as file:
                header = parse_header(file.read(HEADER_BYTES))
        except OSError as error:
            self.notes.append(f"{self._directory / name}: can't be read: {error.strerror or error}")
            return None
        if header is None or header.record_bytes != self._record_bytes:
            self.notes.append(f"{self._directory / name}: wasn't written by this program, or its beginning is damaged")
            return None
        return header

    def _load_file(self, name: str, header: Header, entries: Entries) -> None:
        if header.key != self._key:
            self.notes.append(f"{self._directory / name}: was written with another key, so it is deleted")
            with suppress(OSError):
                os.unlink(name, dir_fd=self._open_folder())
            return
        before, end, problem = entries.added, HEADER_BYTES, ""
        try:
            with self._reading(name) as file:
                file.seek(HEADER_BYTES)
                blocks = Blocks(file, self._record_bytes)
                for written_unix, records in blocks:
                    entries.load(records, written_unix)
                    end = blocks.end
                problem = "is damaged or incomplete" if blocks.is_damaged else ""
        except OSError as error:
            problem = f"can't be read to its end ({error.strerror or error})"
        count = entries.added - before
        if problem:
            self.notes.append(f"{self._directory / name}: {problem}; the {count} hellos that could be read are used")
        self._files.append(_File(name, entries.added))
        self._safe = _Place(entries.added, end, count)

    def _append(self, start: int, records: bytes) -> None:
        if self._latest is None or self._safe.count >= self._file_entries:
            self._latest = self._reopen_latest() or self._begin_file()
        block = pack_block(records, self._record_bytes, int(self._now_unix()))
        _write_all(self._latest, block)
        os.fdatasync(self._latest)
        count = len(records) // self._record_bytes
        self._safe = _Place(start + count, self._safe.offset + len(block), self._safe.count + count)
        self._files[-1].end_sequence = start + count

    def _reopen_latest(self) -> int | None:
        """Continue the file of an earlier process, if it has room; an unfinished write at its end is cut off."""
        folder = self._open_folder()
        has_room = self._files and self._safe.count < self._file_entries
        if self._latest is not None or not has_room or _number(self._files[-1].name) != self._next_number - 1:
            return None
        flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._files[-1].name, flags, dir_fd=folder)
        except OSError:
            return None
        try:
            os.ftruncate(descriptor, self._safe.offset)
            os.lseek(descriptor, 0, os.SEEK_END)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor

    def _begin_file(self) -> int:
        self._close_latest()
        folder, number = self._open_folder(), self._next_number
        name = f"hellos-{number:010}.seen"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._next_number += 1
        descriptor = os.open(name, flags, 0o600, dir_fd=folder)
        try:
            _write_all(descriptor, pack_header(Header(self._record_bytes, number, self._key)))
            os.fsync(descriptor)
            os.fsync(folder)
        except BaseException:
            os.close(descriptor)
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
            raise
        self._safe = _Place(self._safe.sequence)
        self._files.append(_File(name, self._safe.sequence))
        return descriptor

    def _delete_oldest(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._files[0].name, dir_fd=self._open_folder())
        self._files.popleft()
        if not self._files:
            self._close_latest()

    def _start_over(self) -> None:
        """Write all remembered records again, since someone has deleted our files."""
        self.close()
        self._files.clear()
        self._safe = _Place()

    def _roll_back(self) -> None:
        """Cut off a possibly partial write; if that fails, continue with another file or directory."""
        if self._folder is not None and os.fstat(self._folder).st_nlink == 0:  # someone has deleted it
            self.close()
        if self._latest is None:
            return
        try:
            os.ftruncate(self._latest, self._safe.offset)
            os.lseek(self._latest, 0, os.SEEK_END)
        except OSError:
            self._close_latest()

    def _notice_another_directory(self) -> None:
        """If someone has moved our directory away, continue in the one that has its name now."""
        if self._folder is None:
            return
        ours = os.fstat(self._folder)
        try:
            named = os.stat(self._directory)
        except OSError:
            return
        if (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino):
            self._start_over()

    def _close_latest(self) -> None:
        if self._latest is not None:
            latest, self._latest = self._latest, None
            with suppress(OSError):
                os.close(latest)


def _make_directory(path: Path) -> None:
    """Make it and its missing parents, safe against a power cut."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for made in missing:
        parent = os.open(made.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)


def _names(folder: int) -> list[str]:
    return sorted(filter(_NAME.fullmatch, os.listdir(folder)), key=_number)


def _number(name: str) -> int:
    return int(name.removeprefix("hellos-").removesuffix(".seen"))


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
