"""The output of `mtg access`: a proxy's links and secret, in mtg's JSON format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mtglib
from mtg import qr
from mtg.config import Loaded
from mtg.config.redaction import shown
from mtg.server_address import link_port, reach, server_address
from mtg.user_error import EXIT_USAGE, UserError


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One address of the proxy, with its links."""

    address: mtglib.IPAddress
    port: int
    links: mtglib.ProxyLinks


@dataclass(frozen=True, slots=True)
class Access:
    """Everything a client needs; holds the secret, and if there are several users, `secrets` has all of theirs."""

    ipv4: AccessEntry | None
    ipv6: AccessEntry | None
    secret: mtglib.Secret
    secrets: Mapping[str, mtglib.Secret]

    @property
    def best(self) -> AccessEntry:
        """The entry that most clients can use."""
        entry = self.ipv4 or self.ipv6
        assert entry is not None
        return entry

    def as_json(self) -> dict[str, Any]:
        """The JSON object that mtg prints, or mtg-multi for several users; an unknown family is left out."""
        families = {"ipv4": self.ipv4, "ipv6": self.ipv6}
        known = {family: _entry_json(entry) for family, entry in families.items() if entry}
        several = {"secrets": {name: _secret_json(secret) for name, secret in self.secrets.items()}}
        return {**known, "secret": _secret_json(self.secret), **(several if len(self.secrets) > 1 else {})}

    def notes(self) -> list[str]:
        """Lines about addresses that some clients can't reach."""
        found = (
            (self.ipv4, "set public-ipv4 or pass -i"),
            (self.ipv6, "set public-ipv6 or pass -I"),
        )
        return [f"{note}; {advice}" for entry, advice in found if entry and (note := reach(entry.address))]


def make_access(
    loaded: Loaded,
    *,
    user: str | None = None,
    ipv4: mtglib.IPAddress | None = None,
    ipv6: mtglib.IPAddress | None = None,
    port: int | None = None,
    hex_secret: bool = False,
) -> Access:
    """Return the links of a user, by default the first one; arguments win over configured and detected values.

    Raises:
        UserError: No address or port is known, or there is no such user.
    """
    secrets = {str(name): section.secret for name, section in loaded.users.items() if section.secret is not None}
    secret = loaded.first_secret if user is None else secrets.get(user)
    if secret is None:
        raise UserError("there are no users yet" if user is None else f"--user: there is no user {shown(user)}")
    base64 = not hex_secret
    entries = {
        version: _entry(loaded, secret, version, given, port, base64) for version, given in ((4, ipv4), (6, ipv6))
    }
    if not any(entries.values()):
        raise UserError("this server's public address isn't known: set public-ipv4 or pass -i", exit_code=EXIT_USAGE)
    return Access(entries[4], entries[6], secret, secrets if user is None else {})


def _entry(
    loaded: Loaded,
    secret: mtglib.Secret,
    version: int,
    given: mtglib.IPAddress | None,
    port: int | None,
    base64: bool,
) -> AccessEntry | None:
    address = server_address(loaded.config, version, given)
    if address is None:
        return None
    port = port or link_port(loaded.config.bind_to, version)
    if port is None:
        raise UserError("bind-to has no port to put into a link: pass -p", exit_code=EXIT_USAGE)
    return AccessEntry(address, port, mtglib.proxy_links(secret, str(address), port, base64=base64))


def _secret_json(secret: mtglib.Secret) -> dict[str, str]:
    return {"hex": secret.hex(), "base64": secret.base64()}


def _entry_json(entry: AccessEntry) -> dict[str, Any]:
    return {
        "ip": str(entry.address),
        "port": entry.port,
        "tg_url": entry.links.tg_url,
        "tg_qrcode": qr.data_uri(entry.links.tg_url),
        "tme_url": entry.links.tme_url,
        "tme_qrcode": qr.data_uri(entry.links.tme_url),
    }
