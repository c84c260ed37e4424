"""The links that make a Telegram client use a proxy.

Source: https://core.telegram.org/api/links#mtproxy-links
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from .errors import OptionError
from .ground.checks import check_int
from .secret import Secret


@dataclass(frozen=True, slots=True)
class ProxyLinks:
    """Links to one proxy, for the app and for a browser. Both contain the secret; a `repr` doesn't show them.

    Attributes:
        tg_url: `tg://proxy?...`, which opens Telegram directly; for QR codes.
        tme_url: `https://t.me/proxy?...`, which a browser opens and passes on to Telegram.
    """

    tg_url: str = field(repr=False)
    tme_url: str = field(repr=False)


def proxy_links(secret: Secret, server: str, port: int, *, base64: bool = False) -> ProxyLinks:
    """Make the links to a proxy.

    Args:
        secret: The proxy's secret.
        server: The name or IP address that clients connect to.
        port: The port that clients connect to, 1 to 65535.
        base64: Write the secret in base64, which is shorter, instead of hex.

    Raises:
        SecretInvalidError: The secret can't be used.
        OptionError: There is no such server or port, or the secret isn't a `Secret`.
    """
    given: Any = secret
    if not isinstance(given, Secret):  # the message doesn't show the value: it may be a secret as text
        raise OptionError("secret", f"a Secret, such as Secret.parse(text) returns, got {type(given).__name__}")
    name: Any = server
    if not isinstance(name, str) or not name or not name.isprintable() or " " in name:
        raise OptionError("server", "a name or an IP address", server)
    check_int("port", port, 65535)
    text = secret.checked().base64() if base64 else secret.checked().hex()
    query = urlencode({"server": server, "port": port, "secret": text})
    return ProxyLinks(f"tg://proxy?{query}", f"https://t.me/proxy?{query}")
