"""Real sites and the program in front of them, probed from the other end of a wire with a delay.

The short form of that part of `make probes`: what a site's kernel does when more comes while its server closes.
"""

from __future__ import annotations

import pytest
from tools.probes.sites import FRONTS, RELAYS
from tools.probes.wire import wire_is_missing

import mtglib
from support.netns import require_root_and_netns, run_in_netns

pytestmark = pytest.mark.timeout(120)

_NAMES = [
    *("pieces-http-more-5ms", "pieces-http-in-two-more-5ms", "pieces-no-hello-more-20ms", "pieces-sslv2-more-5ms"),
    *("pieces-hello-data-more-5ms", "alert", "other-secret", "http-1.0"),
]
_NAMES_AT = {"nginx": [*_NAMES, "ssh-fin"], "haproxy": _NAMES}
"""What is known to differ is left out: docs/probes.md."""


@pytest.mark.parametrize("front", ["nginx", "haproxy"])
def test_proxies_answer_over_a_wire_as_the_site_does(front: str) -> None:
    require_root_and_netns()
    if reason := FRONTS[front][1]() or wire_is_missing():
        pytest.skip(reason)
    relays = RELAYS if mtglib.engine_description() == "native" else ("pure",)

    found = run_in_netns(
        "interop.wired_probes:compare", front=front, relays=relays, names=_NAMES_AT[front], run_timeout=100.0
    )

    assert len(found) == len(_NAMES_AT[front]) * len(relays)
    assert {name: differences for name, differences in found.items() if differences} == {}
