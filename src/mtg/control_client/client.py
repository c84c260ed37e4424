"""A client of the control API on a Unix socket. Each request has a connection of its own, as the API wants it."""

from __future__ import annotations

import errno
import http.client
import json
import os
import socket
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from mtg.control_client.errors import APIError, NotRunningError, UnansweredError
from mtg.user_error import UserError, os_reason

TIMEOUT_SECONDS = 10.0
"""A proxy answers within milliseconds; one that has ten thousand connections, within a tenth of a second."""

EVENTS_TIMEOUT_SECONDS = 60.0
"""There is a sign of life every 15 s."""

MOST_ANSWER_BYTES = 256 * 1024 * 1024
"""A million connections."""

_NOBODY_IS_THERE = (FileNotFoundError, NotADirectoryError, ConnectionRefusedError)


class ControlClient:
    """Asks the proxy at the first of some places where one is.

    Args:
        places: Paths of Unix sockets, the likeliest first.
        timeout_seconds: How long the proxy may be silent.
        config: The configuration that the proxy has to have; None: any.

    All methods raise:
        NotRunningError: There is no proxy.
        UnansweredError: There is one, but it may not be asked, doesn't answer, is something else, or has another
            configuration.
    """

    def __init__(
        self, places: Sequence[str], *, timeout_seconds: float | None = None, config: Path | None = None
    ) -> None:
        self._places = tuple(places)
        self._config = config
        self._timeout_seconds = TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds

    @property
    def place(self) -> str:
        """Where the proxy is, as far as is known."""
        return self._places[0]

    def ask(
        self,
        method: str,
        *path: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        timeout_seconds: float | None = None,
    ) -> dict[str, Any]:
        """Return the JSON of an answer.

        Args:
            method: Such as GET.
            path: The path's parts, such as "v1", "users", NAME; what is in them needs no quoting.
            query: The parameters after the path.
            body: What to send as JSON.
            timeout_seconds: How long the proxy may be silent, if that is longer than usual.

        Raises:
            APIError: The proxy refused.
        """
        self._check_config()
        timeout = timeout_seconds or self._timeout_seconds
        with closing(self._connect(timeout)) as connection:
            try:
                response = _send(connection, method, path, query, body)
                text = _read(response)
            except (OSError, http.client.HTTPException) as error:
                raise self._unanswered(error, timeout) from error
        return self._answer(response.status, text)

    def events(self) -> Iterator[tuple[str, bytes]]:
        """Yield each event as it happens: its name, and its data as JSON."""
        self._check_config()
        with closing(self._connect(EVENTS_TIMEOUT_SECONDS)) as connection:
            try:
                response = _send(connection, "GET", ("v1", "events"), None, None)
                if response.status != 200:
                    self._answer(response.status, _read(response))
                yield from _read_events(response)
            except (OSError, http.client.HTTPException) as error:
                raise self._unanswered(error, EVENTS_TIMEOUT_SECONDS) from error

    def _check_config(self) -> None:
        """See once that this is the proxy that is meant: several may use the default place, one after the other."""
        if self._config is None:
            return
        wanted, self._config = self._config, None
        found = self.ask("GET", "v1", "status").get("config")
        if isinstance(found, str) and os.path.realpath(found) != os.path.realpath(wanted):
            raise UnansweredError(
                f"the proxy at {self.place} runs {found}, not {wanted} (--socket asks it all the same)"
            )

    def _connect(self, timeout_seconds: float) -> http.client.HTTPConnection:
        failures: dict[str, OSError] = {}
        for place in self._places:
            connected = socket.socket(socket.AF_UNIX)
            connected.settimeout(timeout_seconds)
            try:
                connected.connect(place)
            except OSError as error:
                connected.close()
                failures[place] = error
            else:
                self._places = (place,)
                connection = http.client.HTTPConnection("mtg")
                connection.sock = connected
                return connection
        raise _unreachable(failures)

    def _answer(self, status: int, text: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if isinstance(answer, dict) and status < 300:
            return answer
        if isinstance(answer, dict) and isinstance(answer.get("error"), str):
            raise APIError(status, [str(line) for line in (answer["error"], *answer.get("problems", ()))])
        raise self._foreign(f"an answer of status {status} that it doesn't have")

    def _unanswered(self, error: Exception, timeout_seconds: float) -> UserError:
        if isinstance(error, TimeoutError):
            return UnansweredError(f"the proxy at {self.place} didn't answer within {timeout_seconds:g} s")
        if isinstance(error, OSError | http.client.IncompleteRead):
            return UnansweredError(f"the proxy at {self.place} ended the connection without an answer")
        return self._foreign("something else than HTTP")

    def _foreign(self, got: str) -> UserError:
        return UnansweredError(f"{self.place}: expected the control socket of mtg, got {got}")


def _send(
    connection: http.client.HTTPConnection,
    method: str,
    path: Sequence[str],
    query: Mapping[str, str] | None,
    body: object,
) -> http.client.HTTPResponse:
    target = "".join(f"/{quote(part, safe='')}" for part in path) + (f"?{urlencode(query)}" if query else "")
    sent = None if body is None else json.dumps(body).encode()
    with suppress(ConnectionError):  # it may have answered before it had read all of it
        connection.request(method, target, sent, {} if sent is None else {"Content-Type": "application/json"})
    return connection.getresponse()


def _read(response: http.client.HTTPResponse) -> bytes:
    text = response.read(MOST_ANSWER_BYTES)
    if response.length:  # `read` raises this itself, but only if it isn't told how much to read
        raise http.client.IncompleteRead(text, response.length)
    return text


def _read_events(response: http.client.HTTPResponse) -> Iterator[tuple[str, bytes]]:
    name = ""
    while line := response.readline(65536):
        if line.startswith(b"event: "):
            name = line[7:].strip().decode(errors="replace")
        elif line.startswith(b"data: "):
            yield name, line[6:].strip()


def _unreachable(failures: Mapping[str, OSError]) -> UserError:
    """Return the error about sockets that couldn't be opened; the proxy is behind the first that is there.

    The paths are redacted: somebody will write a secret in their place.
    """
    from mtg.config.redaction import redact

    for path, error in failures.items():
        place = redact(path)
        if isinstance(error, PermissionError):
            return UnansweredError(
                f"can't ask the proxy at {place}: {os_reason(error)} (only its own user and root may: try sudo)"
            )
        if isinstance(error, TimeoutError | BlockingIOError):  # its queue of connections is full
            return UnansweredError(f"the proxy at {place} accepts no connections")
        if not isinstance(error, _NOBODY_IS_THERE):
            return UnansweredError(f"can't ask the proxy at {place}: {os_reason(error)}")
    found = "; ".join(f"{redact(path)}: {_reason(path, error)}" for path, error in failures.items())
    where = " (--socket or --config says where it is)" if len(failures) != 1 else ""
    return NotRunningError(
        f"no proxy can be asked: {found or 'there is no place for its control socket'}{where}; "
        "it isn't running, or has its `control-socket` elsewhere or none"
    )


def _reason(path: str, error: OSError) -> str:
    if error.errno == errno.ECONNREFUSED:
        try:
            return "nobody is there any more" if stat.S_ISSOCK(os.stat(path).st_mode) else "isn't a socket"
        except OSError:
            pass
    return os_reason(error)
