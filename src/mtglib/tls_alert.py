"""The last bytes to a client whose record a TLS server would refuse: they look like the server's encrypted alert."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from .wire.tls_records import ENCRYPTED_ALERT_BYTES, application_data


def send_alert(sock: socket.socket) -> None:
    """Send one, if the connection takes it at once."""
    with suppress(OSError):
        sock.send(application_data(os.urandom(ENCRYPTED_ALERT_BYTES)))
