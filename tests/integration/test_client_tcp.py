"""The segment size and the first window of `[network.client-tcp]`, as kernels see them."""

from __future__ import annotations

import pytest

from support.netns import require_root_and_netns, run_in_netns
from support.server_process import is_missing

_TIMESTAMPS_BYTES = 12
_MSS, _WINDOW_BYTES = 1400, 4096


def test_a_syn_ack_says_what_is_configured_and_uploads_stay_as_wide() -> None:
    require_root_and_netns()
    if reason := is_missing("ss"):
        pytest.skip(reason)
    hosts = ("127.0.0.1", "::1")
    choices = ((0, 0), (_MSS, 0), (0, _WINDOW_BYTES), (_MSS, _WINDOW_BYTES))
    cases = [(host, *choice) for host in hosts for choice in choices]
    seen = run_in_netns("integration.client_tcp_seen:seen_by_all", cases=cases)

    for at in (0, len(choices)):
        default, mss, window, both = seen[at : at + len(choices)]
        assert default["clients_mss"] > _MSS
        assert window["clients_mss"] > _MSS
        assert mss["clients_mss"] == both["clients_mss"] == _MSS - _TIMESTAMPS_BYTES
        assert default["window_bytes"] > 2 * _WINDOW_BYTES
        assert mss["window_bytes"] > 2 * _WINDOW_BYTES
        assert window["window_bytes"] == _WINDOW_BYTES
        assert both["window_bytes"] == 2 * (_MSS - _TIMESTAMPS_BYTES)  # whole segments
        assert len({each["window_scale"] for each in (default, mss, window, both)}) == 1
        assert window["buffer_bytes"] == 2 * _WINDOW_BYTES
        assert window["buffer_bytes_later"] > 4 * window["buffer_bytes"]
