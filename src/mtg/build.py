"""Builds the library's parts from a configuration: the only module that knows every part.

A value of the configuration reaches its part here; a key without an effect is rejected or reported by
`mtg.config.rules`. Building parts opens no files or sockets and starts no threads, so a configuration can be built
while another one is running: a part that would be made in the same way as that one's is the same object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias, cast

import mtglib
from mtg.client_tcp import ClientTCP
from mtg.config import Config, Loaded
from mtg.config.addresses import Listen, ListenIP
from mtg.config.schema import AntiReplaySection, IPListSection
from mtg.configured_users import front_addresses, usage_file_of, user_options, users_of
from mtg.control.observed import Observed
from mtg.control.settings import ControlSettings, control_settings
from mtg.directories import cache_directory, state_directory
from mtg.logs import of_log_level
from mtg.maker import Made, Maker
from mtg.option_keys import KEYS_OF_OPTIONS, KEYS_OF_REPLAY_CACHES
from mtg.refusals import Refusals
from mtg.user_error import EXIT_USAGE, UserError
from mtglib.antireplay import Exact, Redis, StableBloom
from mtglib.events import Fanout
from mtglib.ipblocklist import FireHOL
from mtglib.network import ClosableResolver, Direct, KeepAlive, SocketOptions, from_urls, resolver_from_url
from mtglib.noop import NoopAntiReplayCache, NoopIPBlocklist, NoopLogger
from mtglib.stats import Prometheus, Statsd

ReplayCache: TypeAlias = Exact | StableBloom | Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything built from a configuration, ready to be run by `mtg.app`.

    Attributes:
        source: The file that the configuration was read from.
        config: The configuration that the parts were built from.
        loaded: The same as it was read, with the files that it names.
        logger: Gets what the program itself has to say. That of `options` may drop more messages.
        options: The proxy's options, including its parts.
        users: The users, also those of `users-file`.
        usage: The file of what they have used, if there are more users than the secret's.
        listens: The addresses to listen on.
        client_tcp: Options of the listeners that must be set before they listen.
        socket_options: The options of the listeners; accepted connections inherit those that are allowed for visitors.
        resolver: Looks up names; to be closed at the end.
        fanout: The event stream of `options`, which passes events to `prometheus` and `statsd`.
        prometheus: The page of metrics, unless it is switched off.
        statsd: The sender of metrics, unless it is switched off.
        replay_memory: The anti-replay cache, unless it is switched off.
        when_state_is_taken: The error to exit with if another process uses the state directory; None: continue without
            it, since it is the default directory and several programs may run.
        ip_lists: The IP lists, each with the seconds between its updates.
        metrics_listens: The address on which `prometheus` is served: one or none.
        metrics_path: The path of the metrics page.
        control: Where the program can be controlled, and by whom.
        observed: What the control API knows from events; None if the program can't be controlled.
        warnings: Warnings about the configuration, one line each.
        made: By name, how each part was made, and the part.
    """

    source: str
    config: Config
    loaded: Loaded
    logger: mtglib.Logger
    options: mtglib.ProxyOpts
    users: mtglib.Users
    usage: mtglib.UsageFile | None
    listens: tuple[Listen, ...]
    client_tcp: ClientTCP
    socket_options: SocketOptions
    resolver: ClosableResolver
    fanout: Fanout
    prometheus: Prometheus | None
    statsd: Statsd | None
    replay_memory: ReplayCache | None
    when_state_is_taken: str | None
    ip_lists: tuple[tuple[FireHOL, float], ...]
    metrics_listens: tuple[Listen, ...]
    metrics_path: str
    control: ControlSettings
    observed: Observed | None
    warnings: tuple[str, ...]
    made: Mapping[str, Made] = field(repr=False)


def build_parts(
    loaded: Loaded,
    *,
    logger: mtglib.Logger,
    parts_logger: mtglib.Logger | None = None,
    previous: Parts | None = None,
) -> Parts:
    """Build everything as configured.

    Args:
        loaded: The configuration.
        logger: Gets what the program itself has to say.
        parts_logger: Gets what its parts have to say. None: `logger` does, as far as `log-level` asks for it.
        previous: Parts in use, of which those are kept that are configured in the same way.

    Raises:
        UserError: With EXIT_USAGE and a line for each problem: those of the configuration, and options that parts
            reject.
    """
    if parts_logger is None:
        parts_logger = of_log_level(logger, loaded.config)
    return _Builder(loaded, logger, parts_logger, previous).build()


def check(loaded: Loaded) -> None:
    """Find out whether a configuration can be run; raises as `build_parts` does."""
    build_parts(loaded, logger=NoopLogger())


class _Builder:
    def __init__(
        self, loaded: Loaded, logger: mtglib.Logger, parts_logger: mtglib.Logger, previous: Parts | None
    ) -> None:
        self._loaded = loaded
        self._config = loaded.config
        self._program_logger = logger
        self._logger = parts_logger
        self._refusals = Refusals(loaded)
        self._maker = Maker(self._refusals, {} if previous is None else previous.made)
        self._notes: list[str] = []
        self._users = users_of(loaded)
        self._usage = usage_file_of(loaded, self._users, logger)
        if self._usage is None and not loaded.has_only_the_secret:
            self._notes.append(
                "state-directory: not set, and there is no home directory: after a restart, users' usage starts from 0"
            )
        self._replay_memory = self._make_replay_memory(self._config.defense.anti_replay)
        self._prometheus = self._make_prometheus()
        self._statsd = self._make_statsd()
        self._control = control_settings(loaded)
        self._observed = self._make_observed(None if previous is None else previous.observed)
        observers = [part for part in (self._prometheus, self._statsd, self._observed) if part is not None]
        self._fanout = Fanout(observers, logger=logger) if previous is None else previous.fanout
        self._socket_options = self._make_socket_options()
        self._resolver = self._make_resolver()
        self._direct = self._make_direct("direct", self._socket_options)
        # as connections of the site's other visitors
        self._front_network = self._make_direct(
            "front", replace(self._socket_options, keep_alive=None, congestion_control=None)
        )
        self._network = self._make_network()
        self._ip_lists: list[tuple[FireHOL, float]] = []

    def build(self) -> Parts:
        options = self._make_options()
        problems = (*self._loaded.problems, *self._refusals.lines)
        if problems or options is None:
            raise UserError(problems, exit_code=EXIT_USAGE)
        config, metrics = self._config, self._config.stats.prometheus
        return Parts(
            source=self._loaded.source,
            config=config,
            loaded=self._loaded,
            logger=self._program_logger,
            options=options,
            users=self._users,
            usage=self._usage,
            listens=config.bind_to,
            client_tcp=ClientTCP(config.network.client_tcp.mss, config.network.client_tcp.window),
            socket_options=self._socket_options,
            resolver=self._resolver,
            fanout=self._fanout,
            prometheus=self._prometheus,
            statsd=self._statsd,
            replay_memory=self._replay_memory,
            when_state_is_taken=self._when_state_is_taken(),
            ip_lists=tuple(self._ip_lists),
            metrics_listens=(ListenIP(metrics.bind_to.host, metrics.bind_to.port),)
            if metrics.enabled and metrics.bind_to
            else (),
            metrics_path=metrics.http_path,
            control=self._control,
            observed=self._observed,
            warnings=(*self._loaded.warnings, *dict.fromkeys(self._notes)),
            made=self._maker.made,
        )

    def _when_state_is_taken(self) -> str | None:
        if self._config.state_directory is None:
            return None
        expected = "a directory that no other process uses"
        return f'{self._loaded.source}: state-directory: expected {expected}, got "{self._config.state_directory}"'

    def _make_options(self) -> mtglib.ProxyOpts | None:
        config, front, timeout = self._config, self._config.domain_fronting, self._config.network.timeout
        blocklist, allowlist = config.defense.blocklist, config.defense.allowlist
        doppelganger = config.defense.doppelganger
        blocked = self._make_ip_list("blocklist", blocklist) if blocklist.enabled and blocklist.urls else None
        allowed = self._make_ip_list("allowlist", allowlist) if allowlist.enabled and allowlist.urls else None
        options = partial(
            mtglib.ProxyOpts,
            **user_options(self._loaded, self._users),
            network=self._network,
            front_network=self._front_network,
            anti_replay_cache=self._replay_memory or NoopAntiReplayCache(),
            ip_blocklist=blocked or NoopIPBlocklist(),
            ip_allowlist=allowed,
            event_stream=self._fanout,
            logger=self._logger,
            concurrency=config.concurrency,
            max_visitors=config.defense.limits.visitors,
            max_visitors_per_network=config.defense.limits.per_network,
            prefer_ip=cast(mtglib.PreferIP, str(config.prefer_ip)),
            tolerate_time_skewness_seconds=float(config.tolerate_time_skewness),
            allow_fallback_on_unknown_dc=config.allow_fallback_on_unknown_dc,
            fast_mode=config.fast_mode,
            drs=doppelganger.drs,
            keep_alive=not config.network.keep_alive.disabled,
            not_sent_low_water_bytes=self._socket_options.not_sent_low_water_bytes,
            dc_overrides={dc: [str(address) for address in group] for dc, group in config.dc_overrides.items()},
            domain_fronting_port=front.port,
            domain_fronting_ip=None if front.ip is None else str(front.ip),
            domain_fronting_host=front.host,
            domain_fronting_proxy_protocol=front.proxy_protocol,
            proxy_protocol_listener=config.proxy_protocol_listener,
            proxy_protocol_trusted=config.proxy_protocol_trusted,
            domain_fronting_default_host=front.default_host,
            domain_fronting_hosts=front_addresses(self._loaded, self._refusals),
            front_learning=self._make_front_learning(),
            answer_delay=cast(mtglib.AnswerDelay, str(config.defense.front_learning.answer_delay)),
            record_urls=tuple(url.url for url in doppelganger.urls) if self._loaded.first_secret else (),
            record_repeats=doppelganger.repeats_per_raid,
            record_refresh_seconds=float(doppelganger.raid_each),
            dial_timeout=float(timeout.tcp),
            idle_timeout=float(timeout.idle),
            handshake_timeout=float(timeout.handshake),
            frame_timeout=float(timeout.frame),
        )
        return self._refusals.make(options, KEYS_OF_OPTIONS)

    def _make_front_learning(self) -> mtglib.FrontLearning | None:
        settings, state = self._config.defense.front_learning, state_directory(self._config)
        learning = partial(
            mtglib.FrontLearning,
            each_seconds=float(settings.each),
            samples=settings.samples,
            directory=state and state / "answers",
        )
        section = "defense.front-learning"
        made = self._refusals.make(learning, {"each_seconds": f"{section}.each", "samples": f"{section}.samples"})
        return made if settings.enabled else None

    def _make_socket_options(self) -> SocketOptions:
        options = partial(
            SocketOptions,
            keep_alive=self._make_keep_alive(),
            not_sent_low_water_bytes=self._config.network.tcp_not_sent_lowat or None,
        )
        keys = {"not_sent_low_water_bytes": "network.tcp-not-sent-lowat"}
        return self._refusals.make(options, keys) or SocketOptions()

    def _make_keep_alive(self) -> KeepAlive | None:
        settings = self._config.network.keep_alive
        if settings.disabled:
            return None
        section = "network.keep-alive"
        return self._refusals.make(
            partial(
                KeepAlive,
                idle_seconds=float(settings.idle),
                interval_seconds=float(settings.interval),
                count=settings.count,
            ),
            {"idle_seconds": f"{section}.idle", "interval_seconds": f"{section}.interval", "count": f"{section}.count"},
        )

    def _make_resolver(self) -> ClosableResolver:
        resolver = partial(resolver_from_url, url=self._config.network.dns)
        return self._maker.make("resolver", resolver, {"url": "network.dns"}) or resolver_from_url("")

    def _make_direct(self, name: str, socket_options: SocketOptions) -> Direct:
        direct = partial(
            Direct,
            resolver=self._resolver,
            socket_options=socket_options,
            prefer_ip=cast(mtglib.PreferIP, str(self._config.prefer_ip)),
            logger=self._logger,
        )
        made = self._maker.make(name, direct, {})
        assert made is not None
        return made

    def _make_network(self) -> mtglib.Network:
        urls = [proxy.url for proxy in self._config.network.proxies]
        network = partial(from_urls, urls=urls, base=self._direct, logger=self._logger)
        return self._maker.make("network", network, {"urls": "network.proxies"}) or self._direct

    def _make_observed(self, in_use: Observed | None) -> Observed | None:
        if not self._control.is_on:
            return None
        masks = self._config.mask_client_addresses
        return Observed(mask_client_addresses=masks) if in_use is None else in_use

    def _make_prometheus(self) -> Prometheus | None:
        settings = self._config.stats.prometheus
        if not settings.enabled:
            return None
        prometheus = partial(Prometheus, metric_prefix=settings.metric_prefix)
        return self._maker.make("prometheus", prometheus, {"metric_prefix": "stats.prometheus.metric-prefix"})

    def _make_statsd(self) -> Statsd | None:
        settings = self._config.stats.statsd
        if not settings.enabled or settings.address is None:
            return None
        statsd = partial(
            Statsd,
            host=settings.address.host,
            port=settings.address.port,
            metric_prefix=settings.metric_prefix,
            tag_format=cast(Literal["datadog", "influxdb", "graphite"], str(settings.tag_format)),
            logger=self._logger,
        )
        return self._maker.make("statsd", statsd, {"metric_prefix": "stats.statsd.metric-prefix"})

    def _make_replay_memory(self, settings: AntiReplaySection) -> ReplayCache | None:
        if not settings.enabled:
            return None
        state = state_directory(self._config)
        if state is None:
            self._notes.append(
                "state-directory: not set, and there is no home directory: after a restart, hellos seen before it can "
                "be replayed"
            )
        directory = state and state / "replay"
        if self._loaded.is_refused("defense.anti-replay.kind"):  # report other problems for every kind
            for kind in ("bloom", "redis"):
                self._make_replay_memory_of_kind(kind, settings, directory)
        return self._make_replay_memory_of_kind(settings.kind, settings, directory)

    def _make_replay_memory_of_kind(
        self, kind: str, settings: AntiReplaySection, directory: Path | None
    ) -> ReplayCache | None:
        logger = self._logger
        if kind == "bloom":
            bloom = partial(
                StableBloom,
                max_size_bytes=settings.max_size,
                error_rate=settings.error_rate,
                directory=directory,
                logger=logger,
            )
            return self._maker.make("replay memory", bloom, KEYS_OF_REPLAY_CACHES)
        if kind == "redis" and settings.url is not None:
            redis = partial(
                Redis,
                url=settings.url.url,
                remember_seconds=float(settings.remember),
                max_entries=settings.max_entries,
                directory=directory,
                logger=logger,
            )
            return self._maker.make("replay memory", redis, KEYS_OF_REPLAY_CACHES)
        exact = partial(Exact, max_entries=settings.max_entries, directory=directory, logger=logger)
        return self._maker.make("replay memory", exact, KEYS_OF_REPLAY_CACHES)

    def _make_ip_list(self, name: Literal["blocklist", "allowlist"], settings: IPListSection) -> FireHOL | None:
        directory = cache_directory(self._config)
        if directory is None:
            self._notes.append(
                "defense.cache-directory: not set, and there is no home directory: IP lists are not kept on disk"
            )
        made = self._maker.make(
            f"{name}, each {float(settings.update_each)} s",
            partial(
                FireHOL,
                urls=[source.url for source in settings.urls],
                network=self._network,
                is_block_list=name == "blocklist",
                download_concurrency=settings.download_concurrency,
                cache_directory=directory,
                event_stream=self._fanout,
                logger=self._logger,
                timeout_seconds=float(self._config.network.timeout.http),
            ),
            {
                "urls": f"defense.{name}.urls",
                "download_concurrency": f"defense.{name}.download-concurrency",
                "timeout_seconds": "network.timeout.http",
            },
        )
        if made is not None:
            self._ip_lists.append((made, float(settings.update_each)))
        return made
