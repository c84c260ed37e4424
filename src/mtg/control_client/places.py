"""Where the control socket of a running proxy may be."""

from __future__ import annotations

import os
from pathlib import Path

from mtg.user_error import EXIT_USAGE, UserError

SYSTEM_SOCKET = "/run/mtg/mtg.sock"
"""That of a service of systemd: docs/systemd.md."""

_NAME = "mtg.sock"


def socket_places(socket: Path | None = None, config: Path | None = None) -> tuple[str, ...]:
    """Return the paths to try, the likeliest first.

    Args:
        socket: The path that the user gave; there is no other then.
        config: The configuration of the proxy. If it doesn't say where the socket is, that is at a default place.

    Raises:
        UserError: The configuration can't be read, or says that there is no socket.
    """
    if socket is not None:
        return (str(socket),)
    if config is not None and (configured := _configured_socket(config)) is not None:
        return (configured,)
    return _default_places()


def _configured_socket(path: Path) -> str | None:
    """Read the configuration. The proxy may be running although there is a problem in it now."""
    from mtg.config import load_config

    loaded = load_config(path)
    if loaded.is_refused("control-socket"):
        key = f"{loaded.source}: control-socket: "
        raise UserError([line for line in loaded.problems if line.startswith(key)], exit_code=EXIT_USAGE)
    if loaded.config.control_socket == "off":
        raise UserError(f'{path}: control-socket is "off", so this proxy can\'t be asked', exit_code=EXIT_USAGE)
    return loaded.config.control_socket


def _default_places() -> tuple[str, ...]:
    """Where a service puts it, and where a user's own proxy does; `mtg.control.settings` has the other side."""
    inside = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]  # for commands of a systemd unit
    users = os.environ.get("XDG_RUNTIME_DIR", "")
    places = (f"{inside}/{_NAME}", SYSTEM_SOCKET, f"{users}/{_NAME}")
    return tuple(dict.fromkeys(place for place in places if place != f"/{_NAME}"))
