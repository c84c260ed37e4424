"""Several networks as one."""

import asyncio
import random
import socket
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from ..errors import OptionError
from ..interfaces import Dial, Network
from .breaker import CircuitBreaker, CircuitOpenError
from .proxy_url import ProxyURL
from .socks5 import Socks5
from .target_error import TargetUnreachableError

_MOST_SHARES = 3
"""A share is at least a third of the time: through a proxy, a dial takes some round trips over a long way."""


class Balanced:
    """Spreads dials over networks by chance; where one fails, the others are tried.

    Args:
        networks: At least one. A `CircuitBreaker` among them is left out while it is open.

    Raises:
        OptionError: There is no network.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        if not networks:
            raise OptionError("networks", "at least one network")
        self._networks = tuple(networks)

    def __repr__(self) -> str:
        return f"Balanced({list(self._networks)!r})"

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """Connect with one of the networks.

        Each gets a share of the time, at least a third, so that a silent one leaves some for the next.

        Raises:
            CircuitOpenError: All networks have failed too often and rest.
            TargetUnreachableError: All that were tried say that it is the target's fault.
            TimeoutError: The time is over.
            OSError: All that were tried have failed; the text has the error of each.
        """
        loop = asyncio.get_running_loop()
        deadline_mono = loop.time() + timeout_seconds
        ready = [each for each in self._networks if not isinstance(each, CircuitBreaker) or each.lets_through]
        random.shuffle(ready)
        errors: list[OSError] = []
        for index, network in enumerate(ready):
            left_seconds = deadline_mono - loop.time()
            if left_seconds <= 0:
                errors.append(TimeoutError(f"the time is over, {len(ready) - index} more were not tried"))
                break
            share_seconds = max(left_seconds / (len(ready) - index), timeout_seconds / _MOST_SHARES)
            try:
                return await network.dial(host, port, timeout_seconds=min(share_seconds, left_seconds))
            except CircuitOpenError:
                continue  # opened, or tried by another dial, since we looked
            except OSError as error:
                errors.append(error)
        raise _summary(errors, len(self._networks))

    def http_client(self, dial: Dial | None = None) -> AbstractAsyncContextManager[Any]:
        """Make an HTTP client (`httpx2.AsyncClient`) that dials with `dial`, by default with these networks."""
        from .http import http_client

        return http_client(dial or self.dial)


def from_urls(urls: Sequence[str], *, base: Network) -> Network:
    """Make the network of a list of proxies: balanced if there are several, each with a circuit breaker.

    Args:
        urls: `socks5://user:password@host:port?open_threshold=5&half_open_timeout=1m&reset_failures_timeout=10s`,
            where all but the host may be left out, or "" for the direct way, which needs no breaker.
        base: How to reach the proxies; it is the direct way, and the answer where the list is empty.

    Raises:
        OptionError: A URL can't be used. Its `field` is `proxies[0]` for the first; its text quotes no URL.
    """
    networks = [_network(url, f"proxies[{index}]", base) for index, url in enumerate(urls)]
    if not networks:
        return base
    return networks[0] if len(networks) == 1 else Balanced(networks)


def _network(url: str, option: str, base: Network) -> Network:
    if url == "":
        return base
    proxy = ProxyURL.parse(url, option)
    return CircuitBreaker(
        Socks5(url, base=base),
        open_threshold=proxy.open_threshold,
        half_open_timeout_seconds=proxy.half_open_timeout_seconds,
        reset_failures_timeout_seconds=proxy.reset_failures_timeout_seconds,
    )


def _summary(errors: Sequence[OSError], count: int) -> OSError:
    if not errors:
        return CircuitOpenError(f"none of {count} networks can be used: all failed too often and rest")
    if len(errors) == 1:
        return errors[0]
    text = "; ".join(str(error) or type(error).__name__ for error in errors)
    for kind in (TargetUnreachableError, TimeoutError):
        if all(isinstance(error, kind) for error in errors):
            return kind(text)
    return OSError(text)
