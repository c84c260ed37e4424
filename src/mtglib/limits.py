"""How many connections options allow."""

from __future__ import annotations

from typing import Final, NamedTuple, Self

from .options import ProxyOpts

_MOST_ACCEPTED_AT_ONCE: Final = 64


class Limits(NamedTuple):
    """Numbers of connections.

    Attributes:
        concurrency: The most connections that count for the limits.
        visitors: The most visitors among them.
        per_network: The most visitors of one network, once there are three quarters of `visitors`.
        accepted_at_once: The most that are accepted in one turn of the event loop. None of them may be evicted before
            its first bytes were read.
    """

    concurrency: int
    visitors: int
    per_network: int
    accepted_at_once: int

    @classmethod
    def of(cls, opts: ProxyOpts) -> Self:
        """Return those of some options."""
        visitors = opts.max_visitors or max(1, opts.concurrency // 2)
        at_once = max(1, min(_MOST_ACCEPTED_AT_ONCE, visitors // 2))
        return cls(opts.concurrency, visitors, opts.max_visitors_per_network, at_once)
