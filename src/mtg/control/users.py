"""The users of the running program. The API asks for them here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field

import mtglib
from mtg.control.program import RunningProgram
from mtg.control.route import RequestError
from mtg.users_file import UserChanges


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownUser:
    """A user, and what it has used.

    Attributes:
        name: Its name.
        secret: Its secret.
        limits: What it may do.
        source: The file that it is in.
        is_read_only: Whether only that file can change it.
        connections: Its connections now.
        networks: The networks that they come from.
        streams: All connections so far.
        from_client_bytes, to_client_bytes: What was relayed in each direction.
        period_bytes: The bytes of both directions in the current period of its quota.
        last_seen_unix: When a byte was last relayed, Unix seconds; None: never.
    """

    name: str
    secret: mtglib.Secret = field(repr=False)
    limits: mtglib.UserLimits
    source: str
    is_read_only: bool
    connections: int
    networks: int
    streams: int
    from_client_bytes: int
    to_client_bytes: int
    period_bytes: int
    last_seen_unix: float | None


def known_users(program: RunningProgram) -> tuple[KnownUser, ...]:
    """Return all users; only the configuration's secret makes one as well."""
    parts, clock = program.parts, program.parts.options.clock
    found = []
    for user in parts.users:
        usage = parts.users.usage(user.name, clock())
        assert usage is not None
        found.append(
            KnownUser(
                name=user.name,
                secret=user.secret,
                limits=user.limits,
                source=parts.source if user.name in parts.config.users else str(parts.loaded.users_file),
                is_read_only=user.name in parts.config.users,
                connections=usage.connections,
                networks=usage.networks,
                streams=usage.streams,
                from_client_bytes=usage.from_client_bytes,
                to_client_bytes=usage.to_client_bytes,
                period_bytes=usage.period_bytes,
                last_seen_unix=usage.last_seen_unix,
            )
        )
    return tuple(found)


def user_changes(program: RunningProgram) -> UserChanges:
    """Return what changes the users of the users-file, one change at a time."""
    return UserChanges(lambda: (program.parts.loaded, program.parts.users), program.users_turn)


def known_user(program: RunningProgram, name: str) -> KnownUser:
    """Return the user of this name.

    Raises:
        RequestError: There is none.
    """
    for user in known_users(program):
        if user.name == name:
            return user
    raise RequestError(404, "there is no user of this name")
