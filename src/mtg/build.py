"""From a configuration to the library's parts: the one place that knows every part.

A key of the file has its meaning here and nowhere else; what isn't mentioned has no effect yet
(`mtg.config.rules` refuses or reports it).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

import mtg
import mtglib
from mtg.config import Loaded
from mtg.config.makers import make_bloom_filter, make_socket_options
from mtg.config.schema import AntiReplaySection, Config, IPListSection
from mtg.user_error import EXIT_USAGE, UserError
from mtglib.antireplay import Exact, Redis, StableBloom
from mtglib.events import Fanout
from mtglib.ipblocklist import FireHOL
from mtglib.network import ClosableResolver, Direct, SocketOptions, from_urls, resolver_from_url
from mtglib.noop import NoopAntiReplayCache, NoopIPBlocklist
from mtglib.stats import Prometheus, Statsd

ReplayMemory: TypeAlias = Exact | StableBloom | Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A proxy's options, and those of its parts that have a life of their own (`mtg.services`).

    Attributes:
        options: With all parts in them.
        socket_options: For the listeners, whose connections inherit what visitors may have.
        replay_memory: The anti-replay cache, unless it is switched off.
        ip_lists: Each with the seconds between its updates.
        notes: What is worth a warning, a line each.
    """

    options: mtglib.ProxyOpts
    socket_options: SocketOptions
    resolver: ClosableResolver
    fanout: Fanout
    prometheus: Prometheus | None
    statsd: Statsd | None
    replay_memory: ReplayMemory | None
    ip_lists: tuple[tuple[FireHOL, float], ...]
    notes: tuple[str, ...]


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
        self._notes: list[str] = []
        self._replay_memory = self._make_replay_memory(self._config.defense.anti_replay)
        self._prometheus = self._make_prometheus()
        self._statsd = self._make_statsd()
        observers = [part for part in (self._prometheus, self._statsd) if part is not None]
        self._fanout = Fanout(observers, logger=logger)
        self._socket_options = make_socket_options(self._config.network.keep_alive)
        self._resolver = resolver_from_url(self._config.network.dns)
        self._direct = Direct(
            resolver=self._resolver,
            socket_options=self._socket_options,
            prefer_ip=_prefer_ip(self._config),
            logger=logger,
        )
        self._front_network = Direct(
            resolver=self._resolver,
            socket_options=SocketOptions(keep_alive=None, congestion_control=None),  # as the site's own visitors
            prefer_ip=_prefer_ip(self._config),
            logger=logger,
        )
        self._network = from_urls(
            [proxy.url for proxy in self._config.network.proxies], base=self._direct, logger=logger
        )
        self._ip_lists: list[tuple[FireHOL, float]] = []

    def build(self) -> Parts:
        return Parts(
            options=self._make_options(self._replay_memory or NoopAntiReplayCache()),
            socket_options=self._socket_options,
            resolver=self._resolver,
            fanout=self._fanout,
            prometheus=self._prometheus,
            statsd=self._statsd,
            replay_memory=self._replay_memory,
            ip_lists=tuple(self._ip_lists),
            notes=tuple(dict.fromkeys(self._notes)),
        )

    def _make_options(self, cache: mtglib.AntiReplayCache) -> mtglib.ProxyOpts:
        config, front, timeout = self._config, self._config.domain_fronting, self._config.network.timeout
        blocklist, allowlist = config.defense.blocklist, config.defense.allowlist
        try:
            return mtglib.ProxyOpts(
                secret=self._loaded.secret,
                network=self._network,
                front_network=self._front_network,
                anti_replay_cache=cache,
                ip_blocklist=self._make_ip_list(blocklist, True)
                if blocklist.enabled and blocklist.urls
                else NoopIPBlocklist(),
                ip_allowlist=self._make_ip_list(allowlist, False) if allowlist.enabled else None,
                event_stream=self._fanout,
                logger=self._logger,
                concurrency=self._concurrency,
                max_visitors=config.defense.limits.visitors,
                max_visitors_per_network=config.defense.limits.per_network,
                prefer_ip=_prefer_ip(config),
                tolerate_time_skewness_seconds=float(config.tolerate_time_skewness),
                allow_fallback_on_unknown_dc=config.allow_fallback_on_unknown_dc,
                fast_mode=config.fast_mode,
                keep_alive=not config.network.keep_alive.disabled,
                dc_overrides={dc: [str(address) for address in group] for dc, group in config.dc_overrides.items()},
                domain_fronting_port=front.port,
                domain_fronting_ip=None if front.ip is None else str(front.ip),
                domain_fronting_proxy_protocol=front.proxy_protocol,
                dial_timeout=float(timeout.tcp),
                idle_timeout=float(timeout.idle),
                handshake_timeout=float(timeout.handshake),
                frame_timeout=float(timeout.frame),
            )
        except mtglib.OptionError as error:
            key = error.field.replace("_", "-")
            line = f"{self._loaded.source}: {str(error).replace(error.field, key, 1)}"
            raise UserError(line, exit_code=EXIT_USAGE) from error

    def _make_prometheus(self) -> Prometheus | None:
        settings = self._config.stats.prometheus
        if not settings.enabled:
            return None
        return Prometheus(
            metric_prefix=settings.metric_prefix,
            version=mtg.__version__,
            engine=mtglib.engine_description(),
            engine_threads=mtglib.engine_threads(),
            dropped=lambda: self._fanout.dropped,
            replay_memory=self._replay_memory_size,
        )

    def _make_statsd(self) -> Statsd | None:
        settings = self._config.stats.statsd
        if not settings.enabled or settings.address is None:
            return None
        return Statsd(
            settings.address.host,
            settings.address.port,
            metric_prefix=settings.metric_prefix,
            tag_format=cast(Literal["datadog", "influxdb", "graphite"], str(settings.tag_format)),
            dropped=lambda: self._fanout.dropped,
            replay_memory=self._replay_memory_size,
            logger=self._logger,
        )

    def _replay_memory_size(self) -> tuple[int, float]:
        memory = self._replay_memory
        return (0, 0.0) if memory is None else (len(memory), memory.reach_seconds)

    def _make_replay_memory(self, settings: AntiReplaySection) -> ReplayMemory | None:
        if not settings.enabled:
            return None
        state = state_directory(self._config)
        if state is None:
            self._notes.append(
                "state-directory: missing; without a home directory, a restart forgets which hellos came"
            )
        directory = state and state / "replay"
        if settings.kind == "bloom":
            return make_bloom_filter(settings, directory, self._logger)
        if settings.url is not None and settings.kind == "redis":
            return Redis(
                settings.url.url,
                remember_seconds=float(settings.remember),
                max_entries=settings.max_entries,
                directory=directory,
                logger=self._logger,
            )
        return Exact(max_entries=settings.max_entries, directory=directory, logger=self._logger)

    def _make_ip_list(self, settings: IPListSection, is_block_list: bool) -> FireHOL:
        directory = cache_directory(self._config)
        if directory is None:
            self._notes.append("defense.cache-directory: missing; without a home directory, IP lists have no copies")
        made = FireHOL(
            settings.urls,
            network=self._network,
            is_block_list=is_block_list,
            download_concurrency=settings.download_concurrency,
            cache_directory=directory,
            event_stream=self._fanout,
            logger=self._logger,
            timeout_seconds=float(self._config.network.timeout.http),
        )
        self._ip_lists.append((made, float(settings.update_each)))
        return made


def cache_directory(config: Config) -> Path | None:
    """Where copies of IP lists are kept: as configured, or where the system wants caches to be; None: nowhere."""
    return _system_directory(config.defense.cache_directory, "CACHE_DIRECTORY", "XDG_CACHE_HOME", ".cache")


def state_directory(config: Config) -> Path | None:
    """Where what outlives the process is kept: as configured, or where the system wants it to be; None: nowhere."""
    return _system_directory(config.state_directory, "STATE_DIRECTORY", "XDG_STATE_HOME", ".local/state")


def _system_directory(configured: str | None, of_systemd: str, of_user: str, in_home: str) -> Path | None:
    if configured is not None:
        return Path(configured)
    systemd = Path(os.environ.get(of_systemd, "").partition(":")[0])  # systemd.exec(5): a list, with colons
    if systemd.is_absolute():
        return systemd
    user = Path(os.environ.get(of_user, ""))
    if user.is_absolute():  # the XDG Base Directory Specification ignores others
        return user / "mtg"
    try:
        return Path.home() / in_home / "mtg"
    except RuntimeError:  # no $HOME, and nobody whom the system knows
        return None


def _prefer_ip(config: Config) -> mtglib.PreferIP:
    return cast(mtglib.PreferIP, str(config.prefer_ip))
