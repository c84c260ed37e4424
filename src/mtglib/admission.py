"""Decides whether to admit a client, from its hello, the users' keys, a clock and the anti-replay cache."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from .errors import ClientError
from .ground.deadlines import within
from .interfaces import AntiReplayCache
from .key_search import KeySearch
from .reasons import Reason
from .secret import Secret
from .users.account import Account
from .wire import client_hello
from .wire.client_hello import ClientHello

_REPLAY_CHECK_TIMEOUT = 1.0


class Admitted(NamedTuple):
    """An authenticated client.

    Attributes:
        account: Its user's.
        secret: The secret that its hello was made with.
        hello: Its ClientHello.
        record: The same, as it came.
    """

    account: Account
    secret: Secret
    hello: ClientHello
    record: bytes


async def admit(
    record: bytes,
    network: int | None,
    keys: KeySearch,
    *,
    now_unix: Callable[[], float],
    tolerate_seconds: float,
    cache: AntiReplayCache,
) -> Admitted:
    """Admit a client of ours.

    A hello is remembered as soon as its digest is verified, before any other check. Otherwise a hello that is rejected
    for its clock could be sent again with another one: the clock isn't authenticated.

    Args:
        record: A whole ClientHello, as from `client_hello.assemble`.
        network: Where it comes from.
        keys: The users' keys.
        now_unix: The current time.
        tolerate_seconds: How far the client's clock may be off, either way.
        cache: The anti-replay cache.

    Raises:
        ClientError: It isn't a client of ours. The reason is one of DIGEST, REPLAY, REPLAY_CACHE (with the cache's
            exception as the cause), CLOCK, SNI, NOT_TLS.
    """
    found = await keys.find(record, network)
    if found is None:
        raise ClientError(Reason.DIGEST, "the ClientHello wasn't made with one of our secrets")
    await _refuse_replay(client_hello.authenticated_part(record), cache)
    off_seconds = now_unix() - found.unix_time
    if abs(off_seconds) > tolerate_seconds:
        raise ClientError(Reason.CLOCK, f"the client's clock is off by {-off_seconds:+.0f} s")
    secret, hello = found.secret, client_hello.parse(record)
    if hello.server_name.lower() != secret.host.lower():
        raise ClientError(Reason.SNI, "the client asked for another host than the secret's")
    return Admitted(found.account, secret, hello, record)


async def _refuse_replay(authenticated_part: bytes, cache: AntiReplayCache) -> None:
    try:
        answering: Any = cache.seen_before(authenticated_part)
        if not isinstance(answering, Awaitable):
            raise TypeError("expected an awaitable: seen_before has to be an async def")
        seen: Any = await within(_REPLAY_CHECK_TIMEOUT, answering)
        if not isinstance(seen, bool):  # a forgotten return mustn't let every replay in
            raise TypeError(f"expected True or False, got {type(seen).__name__}")
    except Exception as error:
        raise ClientError(Reason.REPLAY_CACHE, "the anti-replay cache didn't answer") from error
    if seen:
        raise ClientError(Reason.REPLAY, "the hello is a replay")
