"""The links that make a Telegram client use a proxy; they hold the secret.

Source: https://core.telegram.org/api/links#mtproxy-links
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Links:
    """The same proxy as a link for the app and for a browser."""

    tg_url: str
    tme_url: str


def make_links(server: str, port: int, secret_text: str) -> Links:
    """Links to `server` (an IP address or a name) with the secret in hex or base64, as it is given."""
    query = urlencode({"server": server, "port": port, "secret": secret_text})
    return Links(f"tg://proxy?{query}", f"https://t.me/proxy?{query}")
