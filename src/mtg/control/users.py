"""The users of the running program. The API asks for them here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field

import mtglib
from mtg.control.program import RunningProgram
from mtg.control.route import RequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownUser:
    """A user, and what it has used.

    Attributes:
        name: Its name.
        secret: Its secret.
        source: The file that it is in.
        is_read_only: Whether only that file can change it.
        connections: Its connections now.
        from_client_bytes, to_client_bytes: What was relayed in each direction.
        last_seen_unix: When a byte was last relayed, Unix seconds; None: never.
    """

    name: str
    secret: mtglib.Secret = field(repr=False)
    source: str
    is_read_only: bool
    connections: int
    from_client_bytes: int
    to_client_bytes: int
    last_seen_unix: float | None


def known_users(program: RunningProgram) -> tuple[KnownUser, ...]:
    """Return all users; for now it is the one that has the configuration's secret."""
    parts = program.parts
    assert parts.observed is not None
    moved = parts.observed.moved
    default = KnownUser(
        name="default",
        secret=parts.options.secret,
        source=parts.source,
        is_read_only=True,
        connections=program.proxy.clients,
        from_client_bytes=moved.from_client_bytes,
        to_client_bytes=moved.to_client_bytes,
        last_seen_unix=moved.last_seen_unix or None,
    )
    return (default,)


def known_user(program: RunningProgram, name: str) -> KnownUser:
    """Return the user of this name.

    Raises:
        RequestError: There is none.
    """
    for user in known_users(program):
        if user.name == name:
            return user
    raise RequestError(404, "there is no user of this name")
