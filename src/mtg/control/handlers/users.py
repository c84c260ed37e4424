"""`/v1/users`: the users, what they have used, and the links that let them in."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

import mtglib
from mtg import qr
from mtg.control.route import Call, HandlerResult, RequestError, Route
from mtg.control.schemas import Link, UserLinks, UserReport, UserReports
from mtg.control.users import KnownUser, known_user, known_users
from mtg.server_address import link_port, server_address

_IMAGES = {"svg": "image/svg+xml", "png": "image/png"}
_FORMATS = ("json", "svg", "png", "text")


async def _list(call: Call) -> UserReports:
    return UserReports(users=tuple(_report(user) for user in known_users(call.program)))


async def _show(call: Call) -> UserReport:
    return _report(known_user(call.program, call.path["name"]))


def _report(user: KnownUser) -> UserReport:
    return UserReport(
        name=user.name,
        host=user.secret.host,
        source=user.source,
        is_read_only=user.is_read_only,
        enabled=user.limits.is_enabled,
        expires_unix=user.limits.expires_unix,
        quota_bytes=user.limits.quota_bytes,
        quota_period=user.limits.quota_period,
        max_connections=user.limits.max_connections,
        max_networks=user.limits.max_networks,
        connections=user.connections,
        networks=user.networks,
        streams=user.streams,
        from_client_bytes=user.from_client_bytes,
        to_client_bytes=user.to_client_bytes,
        period_bytes=user.period_bytes,
        last_seen_unix=user.last_seen_unix,
    )


async def _link(call: Call) -> HandlerResult:
    shape = call.query.get("format", "json")
    if shape not in _FORMATS:
        raise RequestError(400, f"format: expected one of {', '.join(_FORMATS)}")
    user = known_user(call.program, call.path["name"])
    links = tuple(_links(call, user))
    if not links:
        raise RequestError(422, "this server's public address or port isn't known: set public-ipv4 and bind-to")
    if shape == "json":
        return UserLinks(name=user.name, links=links)
    url = links[0].tg_url
    body = qr.drawing(url, colours=False).encode() if shape == "text" else qr.image(url, shape)
    content_type = _IMAGES.get(shape, "text/plain; charset=utf-8")
    return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


def _links(call: Call, user: KnownUser) -> Iterator[Link]:
    config = call.program.parts.config
    for version in (4, 6):
        address, port = server_address(config, version), link_port(config.bind_to, version)
        if address is not None and port is not None:
            made = mtglib.proxy_links(user.secret, str(address), port, base64=True)
            yield Link(server=str(address), port=port, tg_url=made.tg_url, tme_url=made.tme_url)


_NAME = {"name": "the user's name"}
_MISSING = {404: "there is no such user"}

ROUTES = (
    Route(
        method="GET",
        path="/v1/users",
        summary="List the users, and what they have used",
        handler=_list,
        answer=UserReports,
    ),
    Route(
        method="GET",
        path="/v1/users/{name}",
        summary="Show a user",
        handler=_show,
        answer=UserReport,
        path_help=_NAME,
        errors=_MISSING,
    ),
    Route(
        method="GET",
        path="/v1/users/{name}/link",
        summary="Get the links that let a user in, or the QR code of the first one; they have the secret in them",
        handler=_link,
        answer=UserLinks,
        other_content_types=(*_IMAGES.values(), "text/plain"),
        path_help=_NAME,
        query_help={"format": "`json` (the default), or the QR code as `svg`, `png` or `text`"},
        errors={**_MISSING, 422: "this server's address isn't known"},
    ),
)
