"""Where the running program can be controlled, and by whom: as configured, or the system's default."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from mtg.config import Loaded
from mtg.config.addresses import MAX_UNIX_PATH_BYTES, Listen, ListenIP

SOCKET_NAME = "mtg.sock"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """Where and by whom.

    Attributes:
        socket: The path of the Unix socket; None: there is none.
        is_socket_chosen: Whether the configuration names it, so that it is an error if it can't be opened.
        api_listens: The TCP address: one or none.
        token: What clients over TCP have to send; None: they get nothing but `GET /stats`.
        mask_client_addresses: Whether answers have a client's network instead of its address.
    """

    socket: str | None
    is_socket_chosen: bool
    api_listens: tuple[Listen, ...]
    token: str | None = field(repr=False)
    mask_client_addresses: bool

    @property
    def is_on(self) -> bool:
        """Whether anybody can control the program."""
        return self.socket is not None or bool(self.api_listens)


def control_settings(loaded: Loaded) -> ControlSettings:
    """Read them from a configuration and the environment."""
    config = loaded.config
    api = config.api_bind_to
    return ControlSettings(
        socket=_socket(config.control_socket),
        is_socket_chosen=config.control_socket is not None,
        api_listens=(ListenIP(api.host, api.port),) if api else (),
        token=loaded.api_token,
        mask_client_addresses=config.mask_client_addresses,
    )


def _socket(configured: str | None) -> str | None:
    if configured is not None:
        return None if configured == "off" else str(configured)
    for variable in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        folder = Path(os.environ.get(variable, "").partition(":")[0])  # systemd.exec(5): a list, separated by colons
        path = str(folder / SOCKET_NAME)
        if folder.is_absolute() and len(os.fsencode(path)) <= MAX_UNIX_PATH_BYTES:
            return path
    return None
