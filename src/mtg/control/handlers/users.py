"""`/v1/users`: the users, what they have used, and the links that let them in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from aiohttp import web

import mtglib
from mtg import qr
from mtg.control.route import Call, HandlerResult, RequestError, Route
from mtg.control.schemas import Link, UserGone, UserLinks, UserReport, UserReports, UserValues
from mtg.control.users import KnownUser, known_user, known_users, user_changes
from mtg.server_address import link_port, server_address
from mtg.user_error import UserError
from mtg.users_file import NoSuchUserError, UserChanges, UserRefusedError, UsersFileError, UserTakenError

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


async def _add(call: Call) -> UserReport:
    values = _values(await call.body(UserValues))
    host = values.pop("host", None)
    return await _changed(call, "added", lambda changes, name: changes.add(name, values, host))


async def _change(call: Call) -> UserReport:
    values = _values(await call.body(UserValues))
    if "host" in values:
        raise RequestError(400, "host: expected secret instead, or POST to .../rotate?host=")
    return await _changed(call, "changed", lambda changes, name: changes.change(name, values))


async def _rotate(call: Call) -> UserReport:
    host = call.query.get("host")
    return await _changed(call, "given a new secret", lambda changes, name: changes.rotate(name, host))


async def _remove(call: Call) -> UserGone:
    name = call.path["name"]
    known = known_user(call.program, name)
    with _refusals(call):
        if known.is_read_only:
            raise UserTakenError(f"{name}: is a user of {known.source}, and can only be changed there")
        await user_changes(call.program).remove(name)
    _log(call, "removed")
    return UserGone(name=name)


async def _changed(call: Call, what: str, change: Callable[[UserChanges, str], Awaitable[mtglib.User]]) -> UserReport:
    with _refusals(call):
        await change(user_changes(call.program), call.path["name"])
    _log(call, what)
    return await _show(call)


def _values(given: UserValues) -> dict[str, Any]:
    """Return what was given, by the configuration's keys."""
    found: dict[str, Any] = msgspec.to_builtins(given)
    return found


@contextmanager
def _refusals(call: Call) -> Iterator[None]:
    """Turn the errors of a change into answers."""
    try:
        yield
    except UserError as error:
        status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 422)
        first, *more = error.lines
        raise RequestError(
            status, "the values aren't as expected" if more else first, error.lines if more else ()
        ) from error


def _log(call: Call, what: str) -> None:
    logger = call.program.parts.logger.named("control").bind(user=call.path["name"])
    logger.info(f"the user was {what}")


_STATUSES: dict[type[UserError], int] = {
    NoSuchUserError: 404,
    UserTakenError: 409,
    UsersFileError: 409,
    UserRefusedError: 400,
}

_NAME = {"name": "the user's name"}
_CONFLICT = {409: "the name or key is taken, the user is of the configuration, or the users-file can't be changed"}
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
        method="POST",
        path="/v1/users/{name}",
        summary="Add a user to the users-file",
        handler=_add,
        answer=UserReport,
        path_help=_NAME,
        body=UserValues,
        status=201,
        errors=_CONFLICT,
    ),
    Route(
        method="PATCH",
        path="/v1/users/{name}",
        summary="Change some values of a user of the users-file",
        handler=_change,
        answer=UserReport,
        path_help=_NAME,
        body=UserValues,
        errors={**_MISSING, **_CONFLICT},
    ),
    Route(
        method="DELETE",
        path="/v1/users/{name}",
        summary="Remove a user of the users-file; its connections end within 5 s",
        handler=_remove,
        answer=UserGone,
        path_help=_NAME,
        errors={**_MISSING, **_CONFLICT},
    ),
    Route(
        method="POST",
        path="/v1/users/{name}/rotate",
        summary="Give a user of the users-file a new secret; connections made with the old one go on",
        handler=_rotate,
        answer=UserReport,
        path_help=_NAME,
        query_help={"host": "the site in the new secret; without it, that of the old one"},
        errors={**_MISSING, **_CONFLICT},
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
