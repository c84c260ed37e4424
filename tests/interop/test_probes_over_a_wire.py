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


_ENDS_AT_ONCE = ["ssh-fin"]
_KNOWN = pytest.mark.xfail(strict=False, reason="haproxy resets such a visitor in 47 of 50 tries: docs/probes.md")


@pytest.mark.parametrize(
    ("front", "names"),
    [
        ("nginx", [*_NAMES, *_ENDS_AT_ONCE]),
        ("haproxy", _NAMES),
        pytest.param("haproxy", _ENDS_AT_ONCE, marks=_KNOWN),
    ],
    ids=["nginx", "haproxy", "haproxy, who ends at once"],
)
def test_proxies_answer_over_a_wire_as_the_site_does(front: str, names: list[str]) -> None:
    require_root_and_netns()
    if reason := FRONTS[front][1]() or wire_is_missing():
        pytest.skip(reason)
    relays = RELAYS if mtglib.engine_description() == "native" else ("pure",)

    found = run_in_netns("interop.wired_probes:compare", front=front, relays=relays, names=names, run_timeout=100.0)

    assert len(found) == len(names) * len(relays)
    assert {name: differences for name, differences in found.items() if differences} == {}
