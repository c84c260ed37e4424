"""Sets of prefixes: the engine's and pure Python's are one thing, and both are what `ipaddress` says."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.ipblocklist import prefixes, pure_prefixes
from support.without_engine import run_without_engine

IMPLEMENTATIONS = {"pure": pure_prefixes.PrefixSet, "used": prefixes.PrefixSet}
both = pytest.mark.parametrize("make", IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS)

Make = type[prefixes.Prefixes]


def contains(found: prefixes.Prefixes, ip: str | int | IPv4Address | IPv6Address) -> bool:
    ip = ip_address(ip)
    return found.contains_v4(int(ip)) if ip.version == 4 else found.contains_v6(int(ip))


@both
def test_a_firehol_netset_is_understood(make: Make) -> None:
    text = b"#\n# firehol_level1\n#\n# Maintainer\t: FireHOL\n\n0.0.0.0/8\n1.10.16.0/20\n1.19.0.1\n224.0.0.0/3\n"
    found = make(text)

    assert (found.count, found.broken_lines) == (4, 0)
    assert [contains(found, ip) for ip in ("1.10.31.255", "1.10.32.0", "1.19.0.1", "1.19.0.2")] == [1, 0, 1, 0]
    assert contains(found, "255.255.255.255")


@both
@pytest.mark.parametrize(
    ("line", "inside", "outside"),
    [
        ("192.0.2.77/24", "192.0.2.0", "192.0.3.0"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.0"),
        ("192.0.2.1/32", "192.0.2.1", "192.0.2.2"),
        ("\t192.0.2.1 \r", "192.0.2.1", "192.0.2.2"),
        ("\ufeff192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("192.0.2.1;a comment", "192.0.2.1", "192.0.2.2"),
        ("192.0.2.1 # one; two", "192.0.2.1", "192.0.2.2"),
        ("192.0.2.4 - 192.0.2.6", "192.0.2.6", "192.0.2.7"),
        ("192.0.2.4-192.0.2.6", "192.0.2.4", "192.0.2.3"),
        ("2001:DB8::1/32", "2001:db8:ffff::", "2001:db9::"),
        ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
        ("2001:db8::-2001:db8::f", "2001:db8::f", "2001:db8::10"),
        ("::/0", "ffff::", "::ffff:192.0.2.1"),
        ("::ffff:192.0.2.0/120", "192.0.2.255", "192.0.3.0"),
        ("::ffff:0:0/96", "8.8.8.8", "::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
        ("::ffff:192.0.2.1-::ffff:192.0.2.3", "192.0.2.3", "192.0.2.4"),
        ("192.0.2.0/24", "::ffff:192.0.2.9", "::192.0.2.9"),
    ],
)
def test_a_line_holds_what_it_says(make: Make, line: str, inside: str, outside: str) -> None:
    found = make(line.encode())

    assert (found.count, found.broken_lines) == (1, 0)
    assert (contains(found, inside), contains(found, outside)) == (True, False)


@both
@pytest.mark.parametrize(
    "line",
    [
        *("192.0.2.256", "192.0.2", "192.0.2.01", "0192.0.2.1", "192.0.2.1.5", "0x7f.0.0.1", "3221225985"),
        *("192.0.2.0/33", "192.0.2.0/08", "192.0.2.0/+8", "192.0.2.0/-8", "192.0.2.0/", "192.0.2.0/8/8", "/8"),
        *("192.0.2.0/255.255.255.0", "192.0.2.0 /24", "192.0.2.0/ 24", "192.0.2.0/1_6", "192.0.2.1 192.0.2.2"),
        *("2001:db8::/129", "::/0128", "1::2::3", ":::", "12345::", "fe80::1%eth0", "fe80::1%1/64", "[::1]"),
        *("192.0.2.2-192.0.2.1", "192.0.2.1-::1", "::1-::ffff:192.0.2.1", "192.0.2.1-", "-", "192.0.2.0/30-192.0.2.9"),
        *(
            "<html>",
            "localhost",
            "\u0661.1.1.1",
            "192.0.2.1\x00",
            "192.0.2.1\x0b",
            "192.0.2.1\r192.0.2.2",
            "::1/\u0661",
        ),
    ],
)
def test_a_broken_line_is_counted_and_skipped(make: Make, line: str) -> None:
    found = make(f"192.0.2.8\n{line}\n192.0.2.9".encode())

    assert (found.count, found.broken_lines) == (2, 1)
    assert contains(found, "192.0.2.8")
    assert contains(found, "192.0.2.9")


@both
def test_nothing_is_in_an_empty_list(make: Make) -> None:
    found = make(b"")

    assert (found.count, found.broken_lines) == (0, 0)
    assert not contains(found, "0.0.0.0")
    assert not contains(found, "::")


@both
def test_a_union_has_what_any_has_and_adds_the_counts(make: Make) -> None:
    union = make.union(
        [make(b"10.0.0.0/9\n?"), make(b"10.128.0.0/9\n2001:db8::/33"), make(b"2001:db8:8000::/33\n10.1.1.1")]
    )

    assert (union.count, union.broken_lines) == (5, 1)
    assert all(contains(union, ip) for ip in ("10.0.0.0", "10.255.255.255", "2001:db8::", "2001:db8:ffff::"))
    assert not any(contains(union, ip) for ip in ("9.255.255.255", "11.0.0.0", "2001:db7::", "2001:db9::"))


def test_many_that_are_sorted_in_pieces_come_together() -> None:
    numbers = range(0, 60_000, 2)
    mixed = [n * 37 % 60_000 for n in numbers]  # all of them, each once
    found = pure_prefixes.PrefixSet(
        b"".join(b"10.0.%d.%d\n2001:db8::%x\n" % (n >> 8, n & 255, n) for n in mixed),
    )

    assert list(found.v4) == [(first, first) for first in (0x0A000000 + n for n in numbers)]
    assert list(found.v6) == [(first, first) for first in ((0x20010DB8 << 96) + n for n in numbers)]


def test_ranges_that_touch_or_overlap_become_one() -> None:
    found = pure_prefixes.PrefixSet(b"10.0.1.0/24\n10.0.0.0/24\n10.0.0.128/25\n::2\n::1\n::4")

    assert list(found.v4) == [(0x0A000000, 0x0A0001FF)]
    assert list(found.v6) == [(1, 2), (4, 4)]


near = st.integers(0, 40)
"""Few addresses, so that ranges meet; they lie on both sides of where 64-bit halves do."""
v4s = near.map(lambda n: IPv4Address(0xC0000200 + n))
v6s = near.map(lambda n: IPv6Address((0x20010DB8 << 96) + (1 << 64) - 20 + n))
edges = st.sampled_from([IPv4Address(0), IPv4Address(2**32 - 1), IPv6Address(0), IPv6Address(2**128 - 1)])
networks = st.builds(lambda ip, host_bits: f"{ip}/{ip.max_prefixlen - host_bits}", v4s | v6s | edges, st.integers(0, 6))


@both
@given(lines=st.lists(networks, max_size=12), asked=st.lists(v4s | v6s | edges, max_size=12))
def test_it_answers_like_a_walk_through_all_networks(
    make: Make, lines: list[str], asked: list[IPv4Address | IPv6Address]
) -> None:
    found = make("\n".join(lines).encode())
    listed = [ip_network(line, strict=False) for line in lines]

    assert [contains(found, ip) for ip in asked] == [any(ip in network for network in listed) for ip in asked]


words = st.sampled_from(
    [
        *"0123456789abcdef:./-#;% \t\r\x0b\x0c\n\x00",
        "::",
        "ffff:",
        "192.0.2.1",
        "/24",
        "/96",
        "2001:db8::",
        "\ufeff",
        "é",
    ]
)
texts = st.lists(words, max_size=24).map("".join).map(str.encode) | st.binary(max_size=40)


@given(text=texts, numbers=st.lists(st.integers(0, 2**32 - 1), max_size=3))
def test_the_engine_reads_any_text_as_pure_python_does(text: bytes, numbers: list[int]) -> None:
    one, other = prefixes.PrefixSet(text), pure_prefixes.PrefixSet(text)
    candidates = {edge + by for low, high in [*other.v4, *other.v6] for edge in (low, high) for by in (-1, 0, 1)}

    assert (one.count, one.broken_lines) == (other.count, other.broken_lines)
    for number in candidates | set(numbers):
        if 0 <= number < 2**32:
            assert one.contains_v4(number) == other.contains_v4(number)
        if 0 <= number < 2**128:
            assert one.contains_v6(number) == other.contains_v6(number)


@given(first=texts, second=texts)
def test_a_union_is_the_set_of_both_texts(first: bytes, second: bytes) -> None:
    second = second.lstrip(b"\xef\xbb\xbf")  # only a text begins with that
    union = pure_prefixes.PrefixSet.union([pure_prefixes.PrefixSet(first), pure_prefixes.PrefixSet(second)])
    whole = pure_prefixes.PrefixSet(first + b"\n" + second)

    assert (union.count, union.broken_lines) == (whole.count, whole.broken_lines)
    assert (list(union.v4), list(union.v6)) == (list(whole.v4), list(whole.v6))


def test_without_the_engine_pure_python_is_used() -> None:
    module = run_without_engine("from mtglib.ipblocklist import prefixes; print(prefixes.PrefixSet.__module__)")

    assert module == "mtglib.ipblocklist.pure_prefixes"
