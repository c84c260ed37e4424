"""Why a usage file can't be used. Here, so that programs without such a file don't load SQLite."""

from __future__ import annotations


class UsageFileBrokenError(Exception):
    """It isn't a database that this version can use."""


class UsageFileAwayError(Exception):
    """It can't be used as of now: the disk is full, read-only or broken, or there is no such place."""


class UsageFileTakenError(UsageFileAwayError):
    """Another process uses it."""
