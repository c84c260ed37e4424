"""What a client's kernel, and ours, know of a connection to a listener with options of its own."""

from __future__ import annotations

import re
import socket
import subprocess
import threading

from mtg.client_tcp import ClientTCP
from mtg.config.addresses import ListenIP
from mtg.listeners import open_listeners

_UPLOAD_BYTES = 8 * 1024 * 1024


def seen(host: str, mss: int, window_bytes: int) -> dict[str, int]:
    """Connect to such a listener, and upload something; return what `ss` says after the handshake, and the buffers."""
    with open_listeners([ListenIP(host, 0)], "test", ClientTCP(mss, window_bytes)) as (listener,):
        port = listener.getsockname()[1]
        listener.setblocking(True)
        with socket.create_connection((host, port)) as client:
            ours, _ = listener.accept()
            with ours:
                ours.setblocking(True)
                found = {
                    "clients_mss": _ss(r" mss:(\d+)", port),
                    "window_bytes": _ss(r" snd_wnd:(\d+)", port),
                    "window_scale": _ss(r" wscale:(\d+)", port),
                    "buffer_bytes": ours.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
                }
                uploading = threading.Thread(target=client.sendall, args=(bytes(_UPLOAD_BYTES),))
                uploading.start()
                left_bytes = _UPLOAD_BYTES
                while left_bytes:
                    left_bytes -= len(ours.recv(65536))
                uploading.join()
                found["buffer_bytes_later"] = ours.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    return found


def seen_by_all(cases: list[tuple[str, int, int]]) -> list[dict[str, int]]:
    """Do the same for several listeners: host, segment size and window."""
    return [seen(*case) for case in cases]


def _ss(pattern: str, port: int) -> int:
    command = ["ss", "-tinH", "state", "established", "dport", "=", f":{port}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(pattern, text)
    assert found is not None, text
    return int(found[1])
