"""From a configuration to the library's parts: the one place that knows every part.

A key of the file has its meaning here and nowhere else; what isn't mentioned has no effect yet
(`mtg.config.rules` refuses or reports it).
"""

from __future__ import annotations

from typing import Any, cast

import mtglib
from mtg.config import Loaded
from mtg.user_error import EXIT_USAGE, UserError
from mtglib.noop import NoopAntiReplayCache


def build_options(loaded: Loaded, *, concurrency: int, logger: mtglib.Logger) -> mtglib.ProxyOpts:
    """The options of a proxy as configured, but for `concurrency`, which the machine may limit.

    Raises:
        UserError: With EXIT_USAGE, where single values are right and don't fit together.
    """
    config = loaded.config
    timeout = config.network.timeout
    front = config.domain_fronting
    changes: dict[str, Any] = {} if config.defense.anti_replay.enabled else {"anti_replay_cache": NoopAntiReplayCache()}
    try:
        return mtglib.ProxyOpts.with_defaults(
            loaded.secret,
            logger=logger,
            concurrency=concurrency,
            prefer_ip=cast(mtglib.PreferIP, str(config.prefer_ip)),
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
            **changes,
        )
    except mtglib.OptionError as error:
        raise UserError(str(error), exit_code=EXIT_USAGE) from error
