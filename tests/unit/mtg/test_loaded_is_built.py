"""Whatever a configuration has, it is built, or refused with a line for each value: never with anything else."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

import mtglib
from mtg.build import build_parts
from mtg.config import config_from_table
from mtg.user_error import UserError
from mtglib.noop import NoopLogger

SECRET = mtglib.Secret(bytes(range(16)), "front.example")

durations = st.from_regex(r"[0-9]{1,6}(ns|us|ms|s|m|h)", fullmatch=True)
numbers = st.integers(0, 2**32) | st.integers(0, 200)
rates = st.floats(0, 120)
sizes = st.from_regex(r"[0-9]{1,4}(b|kb|mb)", fullmatch=True)
words = st.text(max_size=8) | st.from_regex(r"[A-Za-z0-9_]{1,9}", fullmatch=True)
hosts = st.sampled_from(["h", "h:1", "u:p@h", "127.0.0.1", "[::1]:9", "1.2.3", "h.", "", "[fe80::1%25lo]"])
tails = st.sampled_from(["", "/", "/x", "/1", "?x=1", "#x", "?open_threshold=3", "?open_threshold=3&open_threshold=4"])


def urls(*schemes: str) -> st.SearchStrategy[str]:
    return st.builds("{}{}{}".format, st.sampled_from(schemes), hosts, tails)


def section(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={key.replace("_", "-"): value for key, value in keys.items()})


on = st.just(True)
ip_list = section(
    enabled=on, urls=st.lists(urls("http://", "https://", "/"), max_size=2), update_each=durations,
    download_concurrency=numbers,
)  # fmt: skip
tables = section(
    tolerate_time_skewness=durations,
    proxy_protocol_listener=st.booleans(),
    proxy_protocol_trusted=st.lists(
        st.sampled_from(["10.0.0.0/8", "::1", "10.0.0.1/8", "::ffff:0:0/96", "h", ""]), max_size=3,
    ),
    domain_fronting=section(host=hosts, ip=st.sampled_from(["127.0.0.9", ""])),
    network=section(
        dns=urls("udp://", "tls://", "https://", ""),
        tcp_not_sent_lowat=sizes | st.just("3gb"),
        proxies=st.lists(urls("socks5://", "socks5h://", ""), max_size=2),
        timeout=section(tcp=durations, http=durations, idle=durations, handshake=durations, frame=durations),
        client_tcp=section(mss=numbers, window=sizes),
        keep_alive=section(idle=durations, interval=durations, count=numbers, disabled=st.booleans()),
    ),
    defense=section(
        anti_replay=section(
            kind=st.sampled_from(["exact", "window", "bloom", "redis"]), max_size=sizes, error_rate=rates,
            url=urls("redis://", "rediss://", "unix:///", "http://"),
        ),
        doppelganger=section(
            urls=st.lists(urls("https://", "https://front.example"), max_size=2), repeats_per_raid=numbers,
            raid_each=durations,
        ),
        blocklist=ip_list,
        allowlist=ip_list,
    ),
    stats=section(
        statsd=section(enabled=on, address=st.just("127.0.0.1:8125"), metric_prefix=words, tag_format=words),
        prometheus=section(enabled=on, bind_to=st.just("127.0.0.1:2"), metric_prefix=words, http_path=words),
    ),
)  # fmt: skip


_LINE = re.compile(r"test: [a-z-]+(\[[0-9]\])?(\.[a-z-]+(\[[0-9]\])?)*: (expected|missing)")


@settings(deadline=None, max_examples=500)
@given(tables)
def test_it_is_built_or_refused_by_key(table: dict[str, Any]) -> None:
    whole = {"secret": SECRET.hex(), "bind-to": "127.0.0.1:1", **table}
    try:
        built = build_parts(config_from_table(whole, source="test"), logger=NoopLogger())
    except UserError as refused:
        event(f"refused: {refused.lines[0].partition(': expected')[0]}")
        unlike = [line for line in refused.lines if not _LINE.match(line)]
    else:
        event("accepted")
        unlike = [] if next(iter(built.users)).secret == SECRET else ["another secret"]
    assert unlike == []
