"""Opens the listening sockets for `bind-to`, and closes them again."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator, Sequence

import mtglib
from mtg.client_tcp import ClientTCP
from mtg.config.addresses import Listen, ListenIP, ListenUnix
from mtg.config.redaction import redact
from mtg.user_error import UserError, os_reason

BACKLOG = 4096
"""Connections that the kernel holds until we accept them; it lowers this to net.core.somaxconn."""

_LOCK_TRIES = 100
_LOCK_PAUSE_SECONDS = 0.01
"""Opening a socket takes less than a millisecond; if something else locks the folder for good, we go on without."""

_REASONS = {
    errno.EADDRINUSE: "another program is using this address",
    errno.EACCES: "permission denied (ports below 1024 need root or CAP_NET_BIND_SERVICE)",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EAFNOSUPPORT: "this machine has no IPv6",
}
_UNIX_REASONS = {errno.EADDRINUSE: "another program is using this socket, or the file isn't a socket"}


@contextlib.contextmanager
def open_listeners(
    listens: Sequence[Listen], key: str, client_tcp: ClientTCP | None = None
) -> Iterator[list[socket.socket]]:
    """Listening, non-blocking sockets, one for each of `listens`, all or none; closed at the end.

    Args:
        listens: Where.
        key: The file and the key that say so, for the error's message.
        client_tcp: Options of the TCP sockets among them.

    Raises:
        UserError: One of them can't be opened; the message says which and why.
    """
    with contextlib.ExitStack() as opened:
        yield [opened.enter_context(open_listener(listen, listens, key, client_tcp)) for listen in listens]


@contextlib.contextmanager
def open_listener(
    listen: Listen,
    listens: Sequence[Listen],
    key: str,
    client_tcp: ClientTCP | None = None,
    *,
    beside: Sequence[socket.socket] = (),
) -> Iterator[socket.socket]:
    """A listening, non-blocking socket; closed at the end.

    Args:
        listen: Where.
        listens: All addresses that the program listens on with it.
        key: As for `open_listeners`.
        client_tcp: As for `open_listeners`.
        beside: Listeners of this program that are going to be closed. They may have the port, with another address:
            `0.0.0.0:443` instead of `127.0.0.1:443`.

    Raises:
        UserError: As for `open_listeners`.
    """
    with contextlib.ExitStack() as opened:
        try:
            with _sharing_ports(beside):
                listener = _open(listen, listens, client_tcp or ClientTCP(), opened, shares_port=bool(beside))
        except OSError as error:
            raise UserError(f"{key}: can't listen on {redact(str(listen))}: {_reason(listen, error)}") from error
        yield listener


@contextlib.contextmanager
def open_private_socket(path: str) -> Iterator[socket.socket]:
    """A listening Unix socket that only this user can connect to; removed at the end. A stale one is replaced.

    Raises:
        UserError: It can't be opened; the message says why, without the path's key.
    """
    with contextlib.ExitStack() as opened:
        try:
            listener = _open_unix(path, opened, mode=0o600)
        except OSError as error:
            reason = _reason(ListenUnix(path), error)
            raise UserError(f"can't listen on {redact(path)}: {reason}") from error
        yield listener


def address_text(listener: socket.socket) -> str:
    """The address that `listener` really has, as `bind-to` would write it."""
    name = listener.getsockname()
    return f"unix:{name}" if isinstance(name, str) else mtglib.host_and_port(name[0], name[1])


@contextlib.contextmanager
def _sharing_ports(listeners: Sequence[socket.socket]) -> Iterator[None]:
    """Let other sockets of this user have the listeners' ports for a moment."""
    ip_listeners = [one for one in listeners if one.family in (socket.AF_INET, socket.AF_INET6)]
    for one in ip_listeners:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        yield
    finally:
        for one in ip_listeners:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)


def _open(
    listen: Listen,
    all_listens: Sequence[Listen],
    client_tcp: ClientTCP,
    opened: contextlib.ExitStack,
    *,
    shares_port: bool,
) -> socket.socket:
    if isinstance(listen, ListenUnix):
        return _open_unix(listen.path, opened)
    assert isinstance(listen, ListenIP)
    v6_only = listen.has_v4_beside(all_listens)
    return _open_ip(listen, client_tcp, opened, v6_only=v6_only, shares_port=shares_port)


def _open_ip(
    listen: ListenIP, client_tcp: ClientTCP, opened: contextlib.ExitStack, *, v6_only: bool, shares_port: bool
) -> socket.socket:
    family = socket.AF_INET6 if listen.ip.version == 6 else socket.AF_INET
    listener = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # otherwise a restart has to wait for TIME_WAIT
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6_only))
    client_tcp.apply(listener)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shares_port))
    listener.bind((listen.host, listen.port))
    _listening(listener)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
    return listener


def _open_unix(path: str, opened: contextlib.ExitStack, mode: int | None = None) -> socket.socket:
    listener = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    if mode is not None:
        os.fchmod(listener.fileno(), mode)  # Linux gives the file the socket's mode: nobody can be quicker than chmod
    with _alone_in(os.path.dirname(path) or "."):
        _remove_stale(path)
        listener.bind(path)
        opened.callback(_unlink_same, path, _identity(path))
        if mode is not None:
            os.chmod(path, mode)  # on other systems
        return _listening(listener)


@contextlib.contextmanager
def _alone_in(folder: str) -> Iterator[None]:
    """Keep others that do the same from taking a socket for a stale one between its bind() and its listen()."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # it can't be listed; what else is wrong with it, bind() says
        yield
        return
    try:
        for _ in range(_LOCK_TRIES):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(_LOCK_PAUSE_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _listening(listener: socket.socket) -> socket.socket:
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def _remove_stale(path: str) -> None:
    """Remove a socket file without a listener; any other file stays and makes bind() fail."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)


def _unlink_same(path: str, identity: tuple[int, int]) -> None:
    """Remove our socket, unless a successor has put its own there."""
    with contextlib.suppress(OSError):
        if _identity(path) == identity:
            os.unlink(path)


def _identity(path: str) -> tuple[int, int]:
    """Return what tells a file from one that takes its place: the number of its inode may be used again at once."""
    status = os.stat(path)
    return status.st_ino, status.st_mtime_ns


def _reason(listen: Listen, error: OSError) -> str:
    known = _REASONS if isinstance(listen, ListenIP) else _UNIX_REASONS
    return known.get(error.errno or 0) or os_reason(error)
