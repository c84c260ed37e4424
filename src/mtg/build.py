"""From a configuration to the library's parts: the one place that knows every part.

A key of the file has its meaning here and nowhere else; what isn't mentioned has no effect yet
(`mtg.config.rules` refuses or reports it).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import mtg
import mtglib
from mtg.config import Loaded
from mtg.config.schema import AntiReplay, Config, IPList
from mtg.user_error import EXIT_USAGE, UserError
from mtglib.antireplay import Redis, StableBloom, Window
from mtglib.events import Fanout
from mtglib.ipblocklist import FireHOL
from mtglib.network import Direct, KeepAlive, Resolver, SocketOptions, from_urls, resolver_from_url
from mtglib.noop import NoopAntiReplayCache, NoopIPBlocklist
from mtglib.stats import Prometheus, Statsd


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A proxy's options, and those of its parts that have a life of their own (`mtg.life`).

    Attributes:
        options: With all parts in them.
        socket_options: For the listeners, whose connections inherit them.
        ip_lists: Each with the seconds between its updates.
    """

    options: mtglib.ProxyOpts
    socket_options: SocketOptions
    resolver: Resolver
    fanout: Fanout
    prometheus: Prometheus | None
    statsd: Statsd | None
    redis: Redis | None
    ip_lists: tuple[tuple[FireHOL, float], ...]


def build_parts(loaded: Loaded, *, concurrency: int, logger: mtglib.Logger) -> Parts:
    """Everything as configured, but for `concurrency`, which the machine may limit.

    Raises:
        UserError: With EXIT_USAGE, where single values are right and don't fit together.
    """
    return _Builder(loaded, concurrency, logger).build()


class _Builder:
    def __init__(self, loaded: Loaded, concurrency: int, logger: mtglib.Logger) -> None:
        self._loaded = loaded
        self._config = loaded.config
        self._concurrency = concurrency
        self._logger = logger
        self._prometheus = self._make_prometheus()
        self._statsd = self._make_statsd()
        observers = [part for part in (self._prometheus, self._statsd) if part is not None]
        self._fanout = Fanout(observers, logger=logger)
        self._socket_options = self._make_socket_options()
        self._resolver = self._make_resolver()
        self._direct = Direct(
            resolver=self._resolver,
            socket_options=self._socket_options,
            prefer_ip=_prefer_ip(self._config),
            logger=logger,
        )
        self._network = self._make_network()
        self._ip_lists: list[tuple[FireHOL, float]] = []

    def build(self) -> Parts:
        cache = self._make_anti_replay(self._config.defense.anti_replay)
        return Parts(
            options=self._make_options(cache),
            socket_options=self._socket_options,
            resolver=self._resolver,
            fanout=self._fanout,
            prometheus=self._prometheus,
            statsd=self._statsd,
            redis=cache if isinstance(cache, Redis) else None,
            ip_lists=tuple(self._ip_lists),
        )

    def _make_options(self, cache: mtglib.AntiReplayCache) -> mtglib.ProxyOpts:
        config, front, timeout = self._config, self._config.domain_fronting, self._config.network.timeout
        blocklist, allowlist = config.defense.blocklist, config.defense.allowlist
        with _as_user_error(""):
            return mtglib.ProxyOpts(
                secret=self._loaded.secret,
                network=self._network,
                front_network=self._direct,
                anti_replay_cache=cache,
                ip_blocklist=self._make_ip_list(blocklist, True)
                if blocklist.enabled and blocklist.urls
                else NoopIPBlocklist(),
                ip_allowlist=self._make_ip_list(allowlist, False) if allowlist.enabled else None,
                event_stream=self._fanout,
                logger=self._logger,
                concurrency=self._concurrency,
                prefer_ip=_prefer_ip(config),
                tolerate_time_skewness_seconds=float(config.tolerate_time_skewness),
                allow_fallback_on_unknown_dc=config.allow_fallback_on_unknown_dc,
                fast_mode=config.fast_mode,
                dc_overrides={dc: [str(address) for address in group] for dc, group in config.dc_overrides.items()},
                domain_fronting_port=front.port,
                domain_fronting_ip=None if front.ip is None else str(front.ip),
                domain_fronting_proxy_protocol=front.proxy_protocol,
                dial_timeout=float(timeout.tcp),
                idle_timeout=float(timeout.idle),
                handshake_timeout=float(timeout.handshake),
                frame_timeout=float(timeout.frame),
            )

    def _make_prometheus(self) -> Prometheus | None:
        settings = self._config.stats.prometheus
        if not settings.enabled:
            return None
        with _as_user_error("stats.prometheus"):
            return Prometheus(
                metric_prefix=settings.metric_prefix,
                version=mtg.__version__,
                engine=mtglib.engine_description(),
                engine_threads=mtglib.engine_threads(),
                dropped=lambda: self._fanout.dropped,
            )

    def _make_statsd(self) -> Statsd | None:
        settings = self._config.stats.statsd
        if not settings.enabled or settings.address is None:
            return None
        with _as_user_error("stats.statsd"):
            return Statsd(
                settings.address.host,
                settings.address.port,
                metric_prefix=settings.metric_prefix,
                tag_format=cast(Literal["datadog", "influxdb", "graphite"], str(settings.tag_format)),
                dropped=lambda: self._fanout.dropped,
            )

    def _make_socket_options(self) -> SocketOptions:
        settings = self._config.network.keep_alive
        if settings.disabled:
            return SocketOptions(keep_alive=None)
        with _as_user_error("network.keep-alive"):
            keep_alive = KeepAlive(
                idle_seconds=float(settings.idle), interval_seconds=float(settings.interval), count=settings.count
            )
            return SocketOptions(keep_alive=keep_alive)

    def _make_resolver(self) -> Resolver:
        with _as_user_error("network"):
            return resolver_from_url(self._config.network.dns)

    def _make_network(self) -> mtglib.Network:
        with _as_user_error("network"):
            return from_urls([proxy.url for proxy in self._config.network.proxies], base=self._direct)

    def _make_anti_replay(self, settings: AntiReplay) -> mtglib.AntiReplayCache:
        window_seconds = 2 * float(self._config.tolerate_time_skewness) + 1
        if not settings.enabled:
            return NoopAntiReplayCache()
        with _as_user_error("defense.anti-replay"):
            if settings.kind == "bloom":
                return StableBloom(settings.max_size, settings.error_rate)
            if settings.url is not None and settings.kind == "redis":
                return Redis(settings.url.url, window_seconds, logger=self._logger)
            return Window(window_seconds)

    def _make_ip_list(self, settings: IPList, is_block_list: bool) -> FireHOL:
        with _as_user_error("defense.blocklist" if is_block_list else "defense.allowlist"):
            made = FireHOL(
                settings.urls,
                network=self._network,
                is_block_list=is_block_list,
                download_concurrency=settings.download_concurrency,
                cache_directory=cache_directory(self._config),
                event_stream=self._fanout,
                logger=self._logger,
                timeout_seconds=float(self._config.network.timeout.http),
            )
        self._ip_lists.append((made, float(settings.update_each)))
        return made


def cache_directory(config: Config) -> Path:
    """Where copies of IP lists are kept: as configured, or where the system wants caches to be."""
    if config.defense.cache_directory is not None:
        return Path(config.defense.cache_directory)
    systemd = Path(os.environ.get("CACHE_DIRECTORY", "").partition(":")[0])  # systemd.exec(5): a list, with colons
    if systemd.is_absolute():
        return systemd
    user = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if user.is_absolute():  # the XDG Base Directory Specification ignores others
        return user / "mtg"
    return Path.home() / ".cache" / "mtg"


def _prefer_ip(config: Config) -> mtglib.PreferIP:
    return cast(mtglib.PreferIP, str(config.prefer_ip))


_KEYS = {"max_size_bytes": "max-size", "interval_seconds": "interval", "idle_seconds": "idle"}


@contextmanager
def _as_user_error(section: str) -> Iterator[None]:
    """Turn an OptionError of a part into a line that names the key."""
    try:
        yield
    except mtglib.OptionError as error:
        key = _KEYS.get(error.field, error.field.replace("_", "-"))
        where = f"{section}.{key}" if section else error.field
        raise UserError(str(error).replace(error.field, where, 1), exit_code=EXIT_USAGE) from error
