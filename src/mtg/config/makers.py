"""Parts that a section stands for, where only the part knows what of it can't work."""

from __future__ import annotations

from pathlib import Path

import mtglib
from mtg.config.schema import AntiReplaySection, KeepAliveSection
from mtglib import network
from mtglib.antireplay import StableBloom


def make_socket_options(settings: KeepAliveSection) -> network.SocketOptions:
    """What is asked of the kernel for each connection.

    Raises:
        mtglib.OptionError: A value is out of bounds.
    """
    if settings.disabled:
        return network.SocketOptions(keep_alive=None)
    return network.SocketOptions(
        keep_alive=network.KeepAlive(
            idle_seconds=float(settings.idle), interval_seconds=float(settings.interval), count=settings.count
        )
    )


def make_bloom_filter(
    settings: AntiReplaySection, directory: Path | None = None, logger: mtglib.Logger | None = None
) -> StableBloom:
    """The filter, whatever `kind` says.

    Raises:
        mtglib.OptionError: A value is out of bounds.
    """
    return StableBloom(settings.max_size, settings.error_rate, directory=directory, logger=logger)
