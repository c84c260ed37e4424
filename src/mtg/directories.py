"""The directories for persistent files: as configured, or the system's default."""

from __future__ import annotations

import os
from pathlib import Path

from mtg.config import Config


def cache_directory(config: Config) -> Path | None:
    """Return the directory for copies of IP lists: as configured, or the system's cache directory; None: no copies."""
    return _system_directory(config.defense.cache_directory, "CACHE_DIRECTORY", "XDG_CACHE_HOME", ".cache")


def state_directory(config: Config) -> Path | None:
    """Return the directory for persistent state: as configured, or the system's state directory; None: none."""
    return _system_directory(config.state_directory, "STATE_DIRECTORY", "XDG_STATE_HOME", ".local/state")


def _system_directory(configured: str | None, of_systemd: str, of_user: str, in_home: str) -> Path | None:
    if configured is not None:
        return Path(configured)
    systemd = Path(os.environ.get(of_systemd, "").partition(":")[0])  # systemd.exec(5): a list, separated by colons
    if systemd.is_absolute():
        return systemd
    user = Path(os.environ.get(of_user, ""))
    if user.is_absolute():  # the XDG Base Directory Specification says to ignore relative ones
        return user / "mtg"
    try:
        return Path.home() / in_home / "mtg"
    except RuntimeError:  # no $HOME, and no such user in the system
        return None
