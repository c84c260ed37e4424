"""`/v1/connections`: the live connections. Thousands are described and encoded bit by bit, between others' turns."""

from __future__ import annotations

import asyncio
from itertools import islice

import msgspec

import mtglib
from mtg.control.route import Call, HandlerResult, RequestError, Route
from mtg.control.schemas import Connections, Ended, LiveConnection
from mtglib.logger import mask_address

_AT_ONCE = 200
"""These take a millisecond or two."""


async def _list(call: Call) -> bytes:
    user = call.query.get("user")
    mask = call.program.parts.control.mask_client_addresses
    encode = msgspec.json.Encoder().encode
    rest = call.program.proxy.iter_connections()
    pieces = []
    while batch := list(islice(rest, _AT_ONCE)):
        pieces += [encode(_live(one, mask)) for one in batch if user is None or one.user == user]
        await asyncio.sleep(0)
    return b'{"connections":[' + b",".join(pieces) + b"]}"


def _live(connection: mtglib.Connection, mask: bool) -> LiveConnection:
    client = connection.client
    if client is None:
        shown = None
    elif mask:
        shown = mask_address(str(client.ip))
    else:
        shown = mtglib.host_and_port(str(client.ip), client.port)
    return LiveConnection(
        id=connection.stream_id,
        client=shown,
        user=connection.user,
        state=str(connection.state),
        dc=connection.dc,
        since_unix=connection.since_unix,
        from_client_bytes=connection.from_client_bytes,
        to_client_bytes=connection.to_client_bytes,
    )


async def _end(call: Call) -> HandlerResult:
    stream_id = call.path["id"]
    if not call.program.proxy.end(stream_id):
        raise RequestError(404, "there is no connection of this id")
    return Ended(id=stream_id)


ROUTES = (
    Route(
        method="GET",
        path="/v1/connections",
        summary="List the live connections",
        handler=_list,
        answer=Connections,
        query_help={"user": "only connections of this user; empty: those of visitors"},
    ),
    Route(
        method="DELETE",
        path="/v1/connections/{id}",
        summary="End a connection",
        handler=_end,
        answer=Ended,
        path_help={"id": "the connection's id"},
        errors={404: "there is no such connection"},
    ),
)
