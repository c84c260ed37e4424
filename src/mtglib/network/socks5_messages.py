"""SOCKS5 (RFC 1928) with user and password (RFC 1929), as a conversation without I/O."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from ..ground.endpoints import canonical_ip
from .errors import TargetUnreachableError

_VERSION = 5
_PASSWORD_VERSION = 1
_NO_AUTHENTICATION, _PASSWORD, _NO_METHOD = 0x00, 0x02, 0xFF
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_MAX_NAME_BYTES = 255

_REPLIES = {
    1: "general SOCKS server failure",
    2: "connection not allowed by ruleset",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}
"""Reply codes: RFC 1928, section 6."""

_ABOUT_THE_TARGET = frozenset({3, 4, 5, 6, 8})
"""Replies of a proxy that works. "Address type not supported" (8) is one: a proxy without IPv6 still serves IPv4."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A step: bytes to send, and the exact number of bytes to read before the next step."""

    send: bytes
    receive_bytes: int


Conversation: TypeAlias = Generator[Exchange, bytes, None]
"""Yields steps and is sent the bytes that were read; ends when there is nothing more to read."""


def greet(user: bytes | None = None, password: bytes = b"") -> Conversation:
    """Begin, and authenticate if the proxy wants it.

    Args:
        user: 1 to 255 bytes, or None to offer no password.
        password: At most 255 bytes.

    Raises:
        OSError: The proxy doesn't want us, or doesn't speak SOCKS5.
    """
    methods = bytes([_NO_AUTHENTICATION] if user is None else [_NO_AUTHENTICATION, _PASSWORD])
    reply = yield Exchange(bytes([_VERSION, len(methods)]) + methods, 2)
    _check_version(reply)
    if reply[1] == _NO_METHOD:
        raise OSError(
            "requires a user name and password" if user is None else "doesn't accept a user name and password"
        )
    if reply[1] not in methods:
        raise OSError(f"chose an authentication method that wasn't offered ({reply[1]})")
    if reply[1] == _PASSWORD and user is not None:
        credentials = bytes([_PASSWORD_VERSION, len(user)]) + user + bytes([len(password)]) + password
        reply = yield Exchange(credentials, 2)
        if reply[0] not in (_PASSWORD_VERSION, _VERSION):  # some servers send the version of SOCKS here
            raise OSError("sent a malformed reply to the user name and password")
        if reply[1] != 0:
            raise OSError("rejected the user name and password")


def connect(host: str, port: int) -> Conversation:
    """Request a connection to a name, which the proxy resolves, or to an IP address, after `greet`.

    It never reads beyond the proxy's last reply, at most 262 bytes: the bytes after it are the target's.

    Args:
        host: The target's host.
        port: 1 to 65535.

    Raises:
        TargetUnreachableError: The proxy works, but the target can't be reached from there, or `host` and `port` can't
            be expressed in SOCKS5.
        OSError: The proxy refuses, or doesn't speak SOCKS5.
    """
    request = bytes([_VERSION, _CONNECT, 0]) + _encode_target(host, port)
    head = yield Exchange(request, 2)
    _check_version(head)
    if head[1] != 0:
        # The rest isn't read: some servers don't send any.
        _raise_reply(head[1])
    reserved, kind, first = yield Exchange(b"", 3)
    lengths = {_IPV4: 4, _IPV6: 16, _NAME: 1 + first}
    if reserved != 0 or kind not in lengths:
        raise OSError("sent a malformed reply")
    yield Exchange(b"", lengths[kind] - 1 + 2)  # the rest of the address that the proxy dials from, and a port


def _check_version(reply: bytes) -> None:
    if reply[0] != _VERSION:
        raise OSError(f"doesn't speak SOCKS5 (its answer begins with {reply!r})")


def _raise_reply(code: int) -> NoReturn:
    text = f"replies {_REPLIES.get(code, 'unknown code')} ({code})"
    raise TargetUnreachableError(text) if code in _ABOUT_THE_TARGET else OSError(text)


def _encode_target(host: str, port: int) -> bytes:
    """The address of a request: its type, itself and the port."""
    if not 1 <= port <= 65535:
        raise TargetUnreachableError(f"can't be asked to connect to port {port}")
    if (ip := canonical_ip(host)) is not None:
        return bytes([_IPV4 if ip.version == 4 else _IPV6]) + ip.packed + port.to_bytes(2, "big")
    try:
        name = host.encode("idna")
    except UnicodeError:
        name = b""
    if not 1 <= len(name) <= _MAX_NAME_BYTES:
        raise TargetUnreachableError("can't be asked to connect to an invalid host name")
    return bytes([_NAME, len(name)]) + name + port.to_bytes(2, "big")
