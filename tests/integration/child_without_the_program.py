"""A proxy where nothing is installed that only the program needs: prints its port; ends with its input."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import socket
import sys
from typing import Any

ONLY_THE_PROGRAM_NEEDS = ("aiohttp", "msgspec", "rich", "rich_click", "segno", "structlog", "tomlkit", "uvloop")


def without(names: tuple[str, ...]) -> None:
    """Make imports of these fail as they do where they aren't installed."""
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(names))


async def main(key: str, dc_port: str) -> None:
    """Serve until the input ends."""
    import mtglib
    from mtglib.events import Fanout
    from mtglib.logger import make_logger
    from mtglib.stats import Prometheus

    of_extras = {
        "mtglib.antireplay.redis_connection",
        "mtglib.stats.http_connections",
        "mtglib.stats.http_page",
    }
    modules = {module.name for module in pkgutil.walk_packages(mtglib.__path__, "mtglib.")} - of_extras
    for name in modules - {"mtglib._engine", "mtglib.relay.native"}:  # which need not have been built
        importlib.import_module(name)
    logger = make_logger(stream=sys.stderr).bind(odd="\ud800", number=2**80)
    logger.info("a line")
    overrides: Any = {2: [f"127.0.0.1:{dc_port}"]}
    options = mtglib.ProxyOpts.with_defaults(
        mtglib.Secret(bytes.fromhex(key), "front.example"),
        dc_overrides=overrides,
        domain_fronting_ip="127.0.0.1",
        domain_fronting_port=1,
        front_learning=None,
        logger=logger,
        event_stream=Fanout([Prometheus()]),
    )
    stdin = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stdin.set)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with mtglib.Proxy(options) as proxy:
            serving = asyncio.create_task(proxy.serve(listener))
            sys.stdout.write(f"{listener.getsockname()[1]}\n")
            sys.stdout.flush()
            await stdin.wait()
        await serving


if __name__ == "__main__":
    without(ONLY_THE_PROGRAM_NEEDS)
    asyncio.run(main(*sys.argv[1:]))
