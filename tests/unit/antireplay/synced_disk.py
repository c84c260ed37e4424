"""A disk that a power cut takes everything from but what was synced."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest


class SyncedDisk:
    """Knows for all files and directories below `root` what they were when they were last synced.

    A directory's names are safe only when it is synced itself: a file's content is of no use without its name.
    """

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.syncs = 0
        self._root = root
        self._stack = stack
        self._files: dict[int, bytes] = {}
        self._directories: dict[int, dict[str, tuple[int, bool]]] = {}

    def sync(self, descriptor: int) -> None:
        """Take the place of os.fsync and os.fdatasync."""
        # Opened anew, so as to read it, and so that its inode is nobody else's for as long as this is open.
        handle = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
        self._stack.callback(os.close, handle)
        about = os.fstat(handle)
        if stat.S_ISDIR(about.st_mode):
            with os.scandir(handle) as entries:
                self._directories[about.st_ino] = {entry.name: (entry.inode(), entry.is_dir()) for entry in entries}
        else:
            self._files[about.st_ino] = os.pread(handle, about.st_size, 0)
        self.syncs += 1

    def after_a_power_cut(self, where: Path) -> Path:
        """Write what is left to an empty directory."""
        where.mkdir()
        self._restore(self._root.stat().st_ino, where)
        return where

    def _restore(self, inode: int, where: Path) -> None:
        for name, (entry, is_directory) in self._directories.get(inode, {}).items():
            if is_directory:
                (where / name).mkdir()
                self._restore(entry, where / name)
            else:
                (where / name).write_bytes(self._files.get(entry, b""))


def watch(root: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack) -> SyncedDisk:
    """Watch what is synced below an empty directory."""
    disk = SyncedDisk(root, stack)
    monkeypatch.setattr(os, "fsync", disk.sync)
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    return disk
