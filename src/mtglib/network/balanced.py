"""Several networks, used as one."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from ..ground.checks import check_list
from ..ground.deadlines import LATE_SECONDS, within
from ..interfaces import Dial, Logger, Network
from ..part_check import check_part
from .breaker import CircuitBreaker
from .errors import CircuitOpenError, TargetUnreachableError
from .proxy_url import ProxyURL
from .socks5 import Socks5

_MOST_SHARES = 3
"""A share is at least a third of the time: through a proxy, a dial takes several long round trips."""


class Balanced:
    """Distributes dials over networks at random; if one fails, the others are tried.

    Args:
        networks: At least one. A `CircuitBreaker` among them is skipped while it is open. Give it a logger: it then
            also reports failures that would otherwise go unnoticed, because another network is used instead.

    Raises:
        OptionError: `networks` is empty, or contains something that isn't a network.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        check_list("networks", networks, "networks")
        for index, network in enumerate(networks):
            check_part(f"networks[{index}]", network, Network)
        self._networks = tuple(networks)

    def __repr__(self) -> str:
        return f"Balanced({list(self._networks)!r})"

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """Connect with one of the networks.

        Each gets a share of the time, at least a third, so that an unresponsive one leaves time for the next. After any
        exception, the next network is tried.

        Raises:
            CircuitOpenError: All networks have failed too often, and their breakers are open.
            TargetUnreachableError: All networks that were tried report that the target can't be reached.
            TimeoutError: The time is up.
            OSError: All networks that were tried have failed; the message has the error of each. If only one was tried,
                its exception is raised unchanged, whatever its type.
        """
        loop = asyncio.get_running_loop()
        deadline_mono = loop.time() + timeout_seconds
        ready = [each for each in self._networks if not isinstance(each, CircuitBreaker) or each.lets_through]
        random.shuffle(ready)
        errors: list[Exception] = []
        for index, network in enumerate(ready):
            left_seconds = deadline_mono - loop.time()
            if left_seconds <= 0:
                errors.append(TimeoutError(f"time-out before {len(ready) - index} more could be tried"))
                break
            share_seconds = max(left_seconds / (len(ready) - index), timeout_seconds / _MOST_SHARES)
            share_seconds = min(share_seconds, left_seconds)
            try:
                dialling = network.dial(host, port, timeout_seconds=share_seconds)
                return await within(share_seconds, dialling, late_seconds=LATE_SECONDS)
            except CircuitOpenError:
                continue  # since we checked, it has opened, or another dial tries it
            except Exception as error:
                errors.append(error)
        raise _summary(errors, len(self._networks))

    def http_client(self, dial: Dial | None = None) -> AbstractAsyncContextManager[Any]:
        """Make an HTTP client (`httpx2.AsyncClient`) that dials with `dial`, by default with these networks."""
        from .http import http_client

        return http_client(dial or self.dial)


def from_urls(urls: Sequence[str], *, base: Network, logger: Logger | None = None) -> Network:
    """Make a network from a list of proxies: balanced if there are several, each with a circuit breaker.

    Args:
        urls: `socks5://user:password@host:port?open_threshold=5&half_open_timeout=1m&reset_failures_timeout=10s`, where
            everything but the host is optional, or "" for a direct connection, which has no breaker. The parameters are
            `CircuitBreaker`'s, with the same bounds; durations are Go-style.
        base: Makes the connections to the proxies, and the direct ones; returned as it is if the list is empty.
        logger: The logger of the circuit breakers, which report when a proxy fails too often and when it is back.

    Raises:
        OptionError: An argument is invalid. For a URL, `field` is `urls[0]` for the first one and so on; the message
            names the parameter, but never quotes the URL.
    """
    check_list("urls", urls, "URLs", may_be_empty=True)
    check_part("base", base, Network)
    networks = [_network(url, f"urls[{index}]", base, logger) for index, url in enumerate(urls)]
    if not networks:
        return base
    return networks[0] if len(networks) == 1 else Balanced(networks)


def _network(url: str, option: str, base: Network, logger: Logger | None) -> Network:
    if url == "":
        return base
    proxy = ProxyURL.parse(url, option)
    return CircuitBreaker(
        Socks5(url, base=base),
        open_threshold=proxy.open_threshold,
        half_open_timeout_seconds=proxy.half_open_timeout_seconds,
        reset_failures_timeout_seconds=proxy.reset_failures_timeout_seconds,
        logger=logger,
    )


def _summary(errors: Sequence[Exception], count: int) -> Exception:
    if not errors:
        return CircuitOpenError(f"none of {count} networks can be used: all failed too often and are paused")
    if len(errors) == 1:
        return errors[0]
    text = "; ".join(_text(error) for error in errors)
    for kind in (TargetUnreachableError, TimeoutError):
        if all(isinstance(error, kind) for error in errors):
            return kind(text)
    return OSError(text)


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}".removesuffix(": ")
