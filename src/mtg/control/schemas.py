"""The types of the API's answers. Times that end in `_unix` are Unix seconds, sizes are bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType


class Error(Struct, kw_only=True):
    """Why a request wasn't done."""

    error: Annotated[str, Meta(description="why, in one line")]
    problems: Annotated[tuple[str, ...], Meta(description="more lines, each about one thing that is wrong")] = ()


class UserStats(Struct, kw_only=True):
    """A user, as mtg-multi shows it."""

    connections: Annotated[int, Meta(description="connections now")]
    bytes_in: Annotated[int, Meta(description="bytes from the user's clients")]
    bytes_out: Annotated[int, Meta(description="bytes to them")]
    last_seen: Annotated[datetime | None, Meta(description="when a byte was last relayed (RFC 3339); null: never")]


class UserReport(Struct, kw_only=True):
    """A user, and what it has used."""

    name: Annotated[str, Meta(description="the user's name; `default` has the configuration's `secret`")]
    host: Annotated[str, Meta(description="the site in the user's secret")]
    source: Annotated[str, Meta(description="the file that it is in")]
    is_read_only: Annotated[bool, Meta(description="whether only that file can change it")]
    enabled: Annotated[bool, Meta(description="whether the user may come in at all")]
    expires_unix: Annotated[float | None, Meta(description="from when on the user may not; null: never")]
    quota_bytes: Annotated[int | None, Meta(description="how much the user may use; null: as much as there is")]
    quota_period: Annotated[str, Meta(description="of what time: `total`, `day` or `month`")]
    max_connections: Annotated[int | None, Meta(description="the most connections at once; null: no limit")]
    max_networks: Annotated[int | None, Meta(description="the most networks at once; null: no limit")]
    connections: Annotated[int, Meta(description="connections now")]
    networks: Annotated[int, Meta(description="networks that they come from")]
    streams: Annotated[int, Meta(description="all connections so far")]
    from_client_bytes: Annotated[int, Meta(description="bytes from the user's clients")]
    to_client_bytes: Annotated[int, Meta(description="bytes to them")]
    period_bytes: Annotated[int, Meta(description="bytes in both directions in the quota's current period")]
    last_seen_unix: Annotated[float | None, Meta(description="when a byte was last relayed; null: never")]


class UserReports(Struct, kw_only=True):
    """All users."""

    users: Annotated[tuple[UserReport, ...], Meta(description="as in the configuration")]


class UserValues(Struct, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Values of a user, with the keys and in the formats of the configuration. One that is null is taken away."""

    secret: Annotated[str | UnsetType, Meta(description="its secret; without one, a new user gets a new one")] = UNSET
    host: Annotated[str | UnsetType, Meta(description="the site in a new user's new secret")] = UNSET
    enabled: Annotated[bool | UnsetType | None, Meta(description="whether the user may come in at all")] = UNSET
    expires: Annotated[str | UnsetType | None, Meta(description='such as "2027-01-31"; a time is UTC')] = UNSET
    quota: Annotated[str | UnsetType | None, Meta(description='such as "10gb"')] = UNSET
    quota_period: Annotated[str | UnsetType | None, Meta(description="`total`, `day` or `month`")] = UNSET
    max_connections: Annotated[int | UnsetType | None, Meta(description="the most connections at once")] = UNSET
    max_networks: Annotated[int | UnsetType | None, Meta(description="the most networks at once")] = UNSET


class UserGone(Struct, kw_only=True):
    """A user that was removed."""

    name: Annotated[str, Meta(description="its name")]


class Link(Struct, kw_only=True):
    """The way to the proxy at one address. It has the user's secret in it."""

    server: Annotated[str, Meta(description="the address")]
    port: Annotated[int, Meta(description="the port")]
    tg_url: Annotated[str, Meta(description="opens Telegram")]
    tme_url: Annotated[str, Meta(description="opens it from a browser")]


class UserLinks(Struct, kw_only=True):
    """Links that make a user's client use the proxy."""

    name: Annotated[str, Meta(description="the user's name")]
    links: Annotated[tuple[Link, ...], Meta(description="one for IPv4, one for IPv6, as far as they are known")]


class Throttle(Struct, kw_only=True):
    """How connections are shared when there are too many, as mtg-multi shows it."""

    active: Annotated[bool, Meta(description="whether there are too many now")]
    limit: Annotated[int, Meta(description="how many there may be")]
    caps: Annotated[dict[str, int], Meta(description="each heavy user's share")]


class Stats(Struct, kw_only=True):
    """The document of mtg-multi."""

    started_at: Annotated[datetime, Meta(description="when the program started (RFC 3339)")]
    uptime_seconds: Annotated[int, Meta(description="how long ago that was")]
    total_connections: Annotated[int, Meta(description="users' connections now")]
    users: Annotated[dict[str, UserStats], Meta(description="each user")]
    throttle: Annotated[Throttle | UnsetType, Meta(description="missing without a limit for all users together")] = (
        UNSET
    )


class Fill(Struct, kw_only=True):
    """A limit and how full it is."""

    now: Annotated[int, Meta(description="how many there are")]
    most: Annotated[int, Meta(description="how many there may be")]


class LimitsReport(Struct, kw_only=True):
    """The limits of this process."""

    connections: Annotated[Fill, Meta(description="connections of clients and visitors (`concurrency`)")]
    visitors: Annotated[Fill, Meta(description="those that aren't clients', or not yet (`defense.limits.visitors`)")]
    open_files: Annotated[Fill, Meta(description="open files")]


class ListSource(Struct, kw_only=True):
    """A file or URL of an IP list."""

    label: Annotated[str, Meta(description="its path, or its URL without what is private in it")]
    prefixes: Annotated[int, Meta(description="prefixes in use")]
    broken_lines: Annotated[int, Meta(description="lines that were skipped")]
    problem: Annotated[str, Meta(description="why it couldn't be read the last time; empty: it could")]


class IPList(Struct, kw_only=True):
    """An IP list."""

    name: Annotated[str, Meta(description="`blocklist` or `allowlist`")]
    prefixes: Annotated[int, Meta(description="prefixes in use, of all sources")]
    sources: Annotated[tuple[ListSource, ...], Meta(description="where they come from")]


class DCReport(Struct, kw_only=True):
    """A data centre that clients have asked for."""

    dc: Annotated[int, Meta(description="its number")]
    connected_unix: Annotated[float | None, Meta(description="when it was last connected; null: never")]
    failed_unix: Annotated[float | None, Meta(description="when none of its addresses could be reached; null: never")]
    dial_seconds: Annotated[float | None, Meta(description="how long the last connection took to make")]


class SiteAnswer(Struct, kw_only=True):
    """A site's answer to a hello, as it was learnt last."""

    host: Annotated[str, Meta(description="the site")]
    learnt_unix: Annotated[float, Meta(description="when the answer came")]
    answer_bytes: Annotated[int, Meta(description="how long it was: ServerHello and encrypted records")]


class FrontReport(Struct, kw_only=True):
    """The fronting sites."""

    address: Annotated[str, Meta(description="where visitors are connected to, if they ask for no other site of ours")]
    answered_unix: Annotated[float | None, Meta(description="when a site last sent a visitor something; null: never")]
    failed_unix: Annotated[float | None, Meta(description="when one last couldn't be reached; null: never")]
    learnt: Annotated[tuple[SiteAnswer, ...], Meta(description="how they answer clients' hellos")]


class Reload(Struct, kw_only=True):
    """What came of reading the configuration again."""

    is_applied: Annotated[bool, Meta(description="whether the settings are in use now, but for `unchangeable` ones")]
    changed: Annotated[tuple[str, ...], Meta(description="keys that have another value now")]
    unchangeable: Annotated[tuple[str, ...], Meta(description="keys whose other value takes a restart")]
    problems: Annotated[tuple[str, ...], Meta(description="what is wrong, such as a list that can't be read")]
    warnings: Annotated[tuple[str, ...], Meta(description="warnings about the configuration")]
    at_unix: Annotated[float, Meta(description="when that was")]


class StatusReport(Struct, kw_only=True):
    """The running program."""

    version: Annotated[str, Meta(description="the program's version")]
    python: Annotated[str, Meta(description="Python's version")]
    engine: Annotated[str, Meta(description="the relay in use: `native`, or `pure` and why")]
    phase: Annotated[str, Meta(description="`running`, or `starting`, `stopping`, `stopped`")]
    started_unix: Annotated[float, Meta(description="when it was started")]
    uptime_seconds: Annotated[float, Meta(description="how long ago that was")]
    config: Annotated[str, Meta(description="the configuration file")]
    listeners: Annotated[tuple[str, ...], Meta(description="the addresses that it listens on")]
    clients: Annotated[int, Meta(description="clients that are connected")]
    limits: Annotated[LimitsReport, Meta(description="limits of this process, and how full they are")]
    memory_bytes: Annotated[int | None, Meta(description="the process's memory; null if the system doesn't tell")]
    lists: Annotated[tuple[IPList, ...], Meta(description="IP lists")]
    dcs: Annotated[tuple[DCReport, ...], Meta(description="data centres, as they were seen last")]
    front: Annotated[FrontReport, Meta(description="the site, as it was seen last")]
    events_dropped: Annotated[int, Meta(description="events that came too fast to be counted")]
    last_reload: Annotated[Reload | None, Meta(description="what came of the last reload; null: there was none")]


class LiveConnection(Struct, kw_only=True):
    """A live connection."""

    id: Annotated[str, Meta(description="its stream id, as in events")]
    client: Annotated[str | None, Meta(description="the client's address and port, or its network; null: it has none")]
    user: Annotated[str, Meta(description="the user; empty for a visitor")]
    state: Annotated[str, Meta(description="`handshake`, `fronted` or `telegram`")]
    dc: Annotated[int, Meta(description="the data centre; 0: none")]
    since_unix: Annotated[float, Meta(description="when it was accepted")]
    from_client_bytes: Annotated[int, Meta(description="bytes from the client; up to a second old")]
    to_client_bytes: Annotated[int, Meta(description="bytes to the client; up to a second old")]


class Connections(Struct, kw_only=True):
    """Live connections, the oldest first."""

    connections: Annotated[tuple[LiveConnection, ...], Meta(description="all of them, or those of one user")]


class Ended(Struct, kw_only=True):
    """A connection that was told to end."""

    id: Annotated[str, Meta(description="its id")]
