"""`mtg quickstart`: makes a configuration if there is none, and serves it."""

from __future__ import annotations

import ipaddress
import os
import re
import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import mtglib
from mtg import qr
from mtg.config import Loaded, load_config
from mtg.config.addresses import ListenIP
from mtg.config.redaction import redact, shown
from mtg.new_secret import new_secret
from mtg.run import run_proxy
from mtg.server_address import default_source, reach, server_address
from mtg.user_error import EXIT_USAGE, UserError, os_reason

DEFAULT_HOST = "www.microsoft.com"
"""The default site: big, with TLS 1.3, and reachable nearly everywhere."""

DEFAULT_PORT = 8443

_TEMPLATE = """\
# A proxy for Telegram. Keep this file private: anyone who has the secret can use the proxy.
# `mtg access {name}` shows the link with this server's IP address, `mtg run {name}` starts the proxy.

# Made for {host}: anyone who isn't a client of yours sees that site.
# A site of your own, or one that is hosted near this server, attracts less attention:
# `mtg generate-secret HOST` makes a secret for it.
secret = "{secret}"

bind-to = "{bind_to}"
{public_ip}
# Telegram encrypts downloads for the client, which saves this machine the work.
# Turn it off if a censor may also watch this server's connections to Telegram: anyone who
# sees both sides sees the same ciphertext on both.
fast-mode = true

# If the site's name can't be resolved here, or the site is on this machine:
# [domain-fronting]
# ip = "127.0.0.1"
# port = 443

# If https://1.1.1.1 can't be reached from here, the system can resolve the site's name:
# [network]
# dns = ""
"""


def quickstart(path: Path, *, host: str | None, port: int | None, server: str | None) -> int:
    """Make `path` if it doesn't exist, print the link and its QR code, and serve; returns the exit code.

    `host` and `port` are for a new file; `server` is an IP address or a name for the link. None: a default.

    Raises:
        UserError: Something can't be written, read or listened on.
    """
    server = _checked_server(server)
    made = not os.path.exists(path)  # unlike Path.exists, False without permission: creating the file then says why
    if made:
        write_config(path, host=host or DEFAULT_HOST, port=port or DEFAULT_PORT, server=server)
    loaded = load_config(path)

    def announce(listeners: Sequence[socket.socket]) -> None:
        lines = _made_lines(path, host) if made else _kept_lines(path, loaded, host, port)
        print("\n".join([*lines, *link_lines(loaded, server, _first_port(listeners))]), flush=True)

    return run_proxy(loaded, on_listening=announce)


def write_config(path: Path, *, host: str, port: int, server: str | None) -> None:
    """Write a configuration with a fresh secret, readable by its owner alone; never overwrites.

    Raises:
        UserError: `host` can't be fronted, or the file can't be written.
    """
    secret = new_secret(host, "--host")
    text = _TEMPLATE.format(
        name=shlex.quote(str(path)),
        host=host,
        secret=secret.hex(),
        bind_to=f"[::]:{port}" if _has_ipv6() else f"0.0.0.0:{port}",
        public_ip=_public_ip_line(server),
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UserError(f"{redact(str(path))}: {os_reason(error)}") from error
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:  # a full disk: the next run would take half a file for a configuration
        os.unlink(path)
        raise UserError(f"{redact(str(path))}: {os_reason(error)}") from error


def link_lines(loaded: Loaded, server: str | None, port: int) -> list[str]:
    """Return the link, notes about it, and its QR code if stdout can show one."""
    if loaded.first_secret is None:
        return ["", "There are no users yet, so there is no link."]
    name, note = _server(loaded, server)
    url = mtglib.proxy_links(loaded.first_secret, name, port).tg_url
    lines = ["", f"Open this link in Telegram{f'. {note}' if note else ':'}", "", f"  {url}", ""]
    if qr.can_draw(sys.stdout):
        lines += [qr.drawing(url, colours=qr.is_terminal(sys.stdout)), ""]
    return lines


def _server(loaded: Loaded, server: str | None) -> tuple[str, str]:
    """Return the link's server and a note on where it can be reached from."""
    given = _as_ip(server)
    if server and given is None:
        return server, ""
    address = given or server_address(loaded.config, 4) or server_address(loaded.config, 6)
    address = address or default_source(4) or ipaddress.IPv4Address("127.0.0.1")
    note = reach(address)
    return str(address), f"{note}; set SERVER= or --server to the public one." if note else ""


def _made_lines(path: Path, host: str | None) -> list[str]:
    lines = [f"{path}: created, with a new secret."]
    if host is None:
        lines.append(
            f"Anyone who isn't a client is shown {DEFAULT_HOST}. For a site of your own, delete {path} and start again "
            "with HOST= or --host (that changes the link)."
        )
    return lines


def _kept_lines(path: Path, loaded: Loaded, host: str | None, port: int | None) -> list[str]:
    """Return notes if the existing file differs from the given options."""
    lines = [f"{path}: already there, used unchanged."]
    secret = loaded.first_secret
    if host and secret and host != secret.host:
        lines.append(
            f"{path} shows {secret.host}; HOST= or --host was ignored. Delete {path} to make a new one (that "
            "changes the link)."
        )
    ports = sorted({listen.port for listen in loaded.config.bind_to if isinstance(listen, ListenIP)})
    if port and port not in ports:
        where = f"port {', '.join(map(str, ports))}" if ports else "no port"
        lines.append(f"{path} listens on {where}; PORT= or --port was ignored. Change bind-to there.")
    return lines


def _first_port(listeners: Sequence[socket.socket]) -> int:
    names = [one.getsockname() for one in listeners]
    return next((int(name[1]) for name in names if isinstance(name, tuple)), DEFAULT_PORT)


def _checked_server(server: str | None) -> str | None:
    """Check the server: otherwise only those who get the link would notice that it can't be reached."""
    if server is None:
        return None
    bare = server.removeprefix("[").removesuffix("]")
    if _as_ip(bare) is None and not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", bare):
        raise UserError(f"--server: expected an IP address or a name, got {shown(server)}", exit_code=EXIT_USAGE)
    return bare


def _public_ip_line(server: str | None) -> str:
    address = _as_ip(server)
    return "" if address is None else f'public-ipv{address.version} = "{address}"\n'


def _as_ip(server: str | None) -> mtglib.IPAddress | None:
    try:
        return ipaddress.ip_address(server or "")
    except ValueError:
        return None


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True
