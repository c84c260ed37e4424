"""redis-py's connections, with our own name lookup: redis-py's uses the event loop's executor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.asyncio import BlockingConnectionPool, Connection, SSLConnection

from .server_addresses import ServerAddresses


class ConnectionByName(Connection):
    """A connection to the first address of its host that accepts it."""

    def __init__(self, *, server_addresses: ServerAddresses, **options: Any) -> None:
        super().__init__(**options)
        self._server_addresses = server_addresses
        self._address = self.host

    async def _connect(self) -> None:
        addresses = await self._server_addresses.of(self.host, self.port)
        for self._address in addresses:
            try:
                await super()._connect()  # type: ignore[no-untyped-call]
                return
            except BaseException as error:  # a cancellation, too: a silent address takes all of the time
                self._server_addresses.failed(self._address)
                if not isinstance(error, OSError) or self._address == addresses[-1]:
                    raise

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "host": self._address}


class TLSConnectionByName(ConnectionByName, SSLConnection):
    """The same with TLS; the certificate has to be for the name."""

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "server_hostname": self.host}


def look_names_up(pool: BlockingConnectionPool, server_addresses: ServerAddresses) -> None:
    """Let a pool that has no connections yet make those of this module, unless its server is a Unix socket."""
    by_name = {Connection: ConnectionByName, SSLConnection: TLSConnectionByName}
    if pool.connection_class in by_name:
        pool.connection_class = by_name[pool.connection_class]
        pool.connection_kwargs["server_addresses"] = server_addresses
