"""The sites of this bench: those of `tools.probes`, and one with OpenSSL 3.5."""

from __future__ import annotations

from support.nginx_site import Key
from support.node_site import NodeSite, node_is_missing
from tools.probes import sites
from tools.probes.probe import HOST

FRONTS: dict[str, sites.Front] = {
    **sites.FRONTS,
    "node": (lambda key: NodeSite(HOST, key=key), node_is_missing),
}
"""Each site by name."""

KEYS: tuple[Key, ...] = ("rsa", "ec")
"""The kinds of certificates."""
