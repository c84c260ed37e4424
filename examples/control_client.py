"""A client of a running proxy's control socket, with the standard library alone.

python examples/control_client.py /run/mtg/mtg.sock GET /v1/status
python examples/control_client.py /run/mtg/mtg.sock DELETE /v1/connections/5B6yZ0rG3h4mJb0kT1s2vQ
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import sys
from typing import Any


class UnixConnection(http.client.HTTPConnection):
    """An HTTP connection to a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("mtg", timeout=30)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(path: str, method: str, request: str, body: object = None) -> tuple[int, Any]:
    """Ask the proxy whose socket is at `path`; return the answer's status and its JSON."""
    connection = UnixConnection(path)
    try:
        connection.request(method, request, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def main() -> int:
    """Ask once, and print the answer; the exit code is 1 if it is an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("socket")
    parser.add_argument("method", choices=("GET", "POST", "PATCH", "DELETE"))
    parser.add_argument("request", metavar="path")
    parser.add_argument("body", nargs="?", type=json.loads, help="JSON")
    arguments = parser.parse_args()
    status, answer = ask(arguments.socket, arguments.method, arguments.request, arguments.body)
    print(json.dumps(answer, indent=2))
    return int(status >= 400)


if __name__ == "__main__":
    sys.exit(main())
