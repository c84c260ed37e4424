"""`mtg users`: a group of commands, one for each thing that can be done to users."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from mtg.commands.asking import ask_and_show, asks_a_proxy, show
from mtg.commands.parameters import examples

if TYPE_CHECKING:
    from mtg.control_client import ControlClient

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LIMITS = ("expires", "quota", "quota_period", "max_connections", "max_networks")


class _NameParameter(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.3
    """The name of a user, checked here, so that a path is made of nothing else."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name; fails with click's own usage error."""
        if not _NAME.fullmatch(str(value)) or set(str(value)) == {"."}:
            from mtg.config.redaction import redact

            expected = "1 to 64 letters, digits, dots, underscores and hyphens"
            self.fail(f"expected {expected}, got {redact(str(value))!r}", param, ctx)
        return value


_USER = click.argument("name", type=_NameParameter())
_SECRET_FILE = click.option(
    "--secret-file",
    type=click.Path(path_type=Path, readable=False),
    help="A file with the user's secret; - is stdin.",
)


def _limits(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a user's limits; `none` takes one away."""
    for option in (
        click.option("--max-networks", help="The most networks at once that connections come from."),
        click.option("--max-connections", help="The most connections at once."),
        click.option("--quota-period", type=click.Choice(["total", "day", "month"]), help="How long a quota lasts."),
        click.option("--quota", help="How much traffic the user may have, such as 50gib."),
        click.option("--expires", help="When the user may not come in any more, such as 2027-01-31 (UTC) or 30d."),
    ):
        function = option(function)
    return function


@click.group(
    "users",
    short_help="List, add, change and remove the users of a running proxy.",
    epilog=examples(
        "mtg users list",
        "mtg users add ann --quota 50gib --quota-period month",
        "mtg users link ann",
        "mtg users disable ann",
    ),
)
def users() -> None:
    """List, add, change and remove the users of a running proxy.

    Changes hold at once, and are kept in the users-file. Users of the configuration file itself can be listed here,
    and changed only there.
    """


@users.command("list", short_help="List all users.", epilog=examples("mtg users list", "mtg users list --json"))
@asks_a_proxy
def list_users(client: ControlClient, as_json: bool) -> None:
    """List all users, with what they have used since they were added."""
    from mtg.reports.users import users_report

    ask_and_show(client, as_json, users_report, "GET", "v1", "users")


@users.command("show", short_help="Show a user.", epilog=examples("mtg users show ann"))
@_USER
@asks_a_proxy
def show_user(client: ControlClient, as_json: bool, name: str) -> None:
    """Show the user NAME: limits, and what was used."""
    from mtg.reports.users import user_report

    ask_and_show(client, as_json, user_report, "GET", "v1", "users", name)


@users.command(
    "add",
    short_help="Add a user.",
    epilog=examples(
        "mtg users add ann",
        "mtg users add bob --expires 30d --max-networks 4",
        "mtg users add cid --host www.example.org",
        "mtg users add dan --secret-file - < secret.txt",
    ),
)
@_USER
@click.option("--host", help="The site in the new secret [default: the proxy's own].")
@_SECRET_FILE
@_limits
@asks_a_proxy
def add_user(
    client: ControlClient, as_json: bool, name: str, host: str | None, secret_file: Path | None, **limits: str | None
) -> None:
    """Add the user NAME, with a new secret if none is given.

    `mtg users link NAME` shows the link then.
    """
    from mtg.commands.user_values import read_secret, user_values

    values = user_values(limits)
    if host is not None:
        values["host"] = host
    if secret_file is not None:
        values["secret"] = read_secret(secret_file)
    _change(client, as_json, "added", "POST", "v1", "users", name, body=values)


@users.command(
    "set",
    short_help="Change a user's limits, or set a secret.",
    epilog=examples(
        "mtg users set ann --quota 100gib",
        "mtg users set ann --quota none --expires none",
        "mtg users set ann --max-connections 64 --max-networks 4",
    ),
)
@_USER
@_SECRET_FILE
@_limits
@asks_a_proxy
def set_user(client: ControlClient, as_json: bool, name: str, secret_file: Path | None, **limits: str | None) -> None:
    """Change limits or the secret of the user NAME; the others stay. The value `none` takes a limit away."""
    from mtg.commands.user_values import read_secret, user_values

    values = user_values(limits)
    if secret_file is not None:
        values["secret"] = read_secret(secret_file)
    if not values:
        flags = ("--secret-file", *("--" + one.replace("_", "-") for one in _LIMITS))
        raise click.UsageError(f"expected at least one of {', '.join(flags)}")
    _change(client, as_json, "changed", "PATCH", "v1", "users", name, body=values)


@users.command("rotate", short_help="Give a user a new secret.", epilog=examples("mtg users rotate ann"))
@_USER
@click.option("--host", help="The site in the new secret [default: that of the old one].")
@asks_a_proxy
def rotate_user(client: ControlClient, as_json: bool, name: str, host: str | None) -> None:
    """Give the user NAME a new secret. The old link doesn't let anybody in any more; live connections go on."""
    query = {} if host is None else {"host": host}
    _change(client, as_json, "has a new secret", "POST", "v1", "users", name, "rotate", query=query)


@users.command("enable", short_help="Let a user in again.", epilog=examples("mtg users enable ann"))
@_USER
@asks_a_proxy
def enable_user(client: ControlClient, as_json: bool, name: str) -> None:
    """Let the user NAME in again."""
    _change(client, as_json, "enabled", "PATCH", "v1", "users", name, body={"enabled": True})


@users.command("disable", short_help="Let a user in no more.", epilog=examples("mtg users disable ann"))
@_USER
@asks_a_proxy
def disable_user(client: ControlClient, as_json: bool, name: str) -> None:
    """Let the user NAME in no more. Live connections end within 5 s."""
    _change(client, as_json, "disabled", "PATCH", "v1", "users", name, body={"enabled": False})


@users.command("remove", short_help="Remove a user.", epilog=examples("mtg users remove ann"))
@_USER
@asks_a_proxy
def remove_user(client: ControlClient, as_json: bool, name: str) -> None:
    """Remove the user NAME. Live connections end within 5 s, and the link never works again."""
    from mtg.reports.users import removed_report

    ask_and_show(client, as_json, removed_report, "DELETE", "v1", "users", name)


@users.command(
    "link",
    short_help="Show a user's links and QR code.",
    epilog=examples(
        "mtg users link ann",
        "mtg users link ann --svg ann.svg",
        "mtg users link ann --json | jq -r '.links[0].tg_url'",
    ),
)
@_USER
@click.option("--qr/--no-qr", default=None, help="Draw a QR code [default: only on a terminal].")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Write the QR code as an SVG image.")
@click.option("--png", type=click.Path(dir_okay=False, path_type=Path), help="Write the QR code as a PNG image.")
@asks_a_proxy
def link_user(
    client: ControlClient, as_json: bool, name: str, qr: bool | None, svg: Path | None, png: Path | None
) -> None:
    """Show the links that let the user NAME in, and a QR code of the first one. Who has a link has the secret."""
    from mtg import qr as codes
    from mtg.control_client import reading_answers
    from mtg.reports.users import links_report

    answer = client.ask("GET", "v1", "users", name, "link")
    with reading_answers(client.place):
        url = answer["links"][0]["tg_url"]
    for path, kind in ((svg, "svg"), (png, "png")):
        if path is not None:
            codes.save(url, path, kind)
    show(client, answer, as_json, links_report)
    wanted = codes.is_terminal(sys.stdout) and not as_json if qr is None else qr
    if wanted and codes.can_draw(sys.stdout):
        click.echo(f"\n{codes.drawing(url, colours=codes.is_terminal(sys.stdout))}")


def _change(client: ControlClient, as_json: bool, what: str, *request: str, **more: Any) -> None:
    from mtg.reports.users import changed_report

    ask_and_show(client, as_json, lambda user: changed_report(what, user), *request, **more)
