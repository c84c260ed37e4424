"""How many connections options allow."""

from __future__ import annotations

from typing import Final, NamedTuple, Self

from .options import ProxyOpts
from .users.limiter import CHECK_SECONDS

_MOST_ACCEPTED_AT_ONCE: Final = 64


class Limits(NamedTuple):
    """Numbers of connections.

    Attributes:
        concurrency: The most connections that count for the limits.
        visitors: The most visitors among them.
        per_network: The most visitors of one network, once there are three quarters of `visitors`.
        accepted_at_once: The most that are accepted in one turn of the event loop. None of them may be evicted before
            its first bytes were read.
        check_seconds: How often users with connections are checked; None: never, as there is one secret.
    """

    concurrency: int
    visitors: int
    per_network: int
    accepted_at_once: int
    check_seconds: float | None

    @classmethod
    def of(cls, opts: ProxyOpts) -> Self:
        """Return those of some options."""
        visitors = opts.max_visitors or max(1, opts.concurrency // 2)
        check_seconds = None if opts.users is None else CHECK_SECONDS
        at_once = max(1, min(_MOST_ACCEPTED_AT_ONCE, visitors // 2))
        return cls(opts.concurrency, visitors, opts.max_visitors_per_network, at_once, check_seconds)
