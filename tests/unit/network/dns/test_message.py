"""DNS messages as bytes."""

from __future__ import annotations

from contextlib import suppress

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.network.dns.message import DNSError, NoHostNameError, Query, Reply

NAMES = st.lists(st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20), min_size=1, max_size=6)


def answer(query: Query, *records: str, rcode: str = "NOERROR", section: str = "ANSWER") -> bytes:
    """Make an answer as a server would."""
    message = dns.message.make_response(dns.message.from_wire(query.wire))
    message.set_rcode(dns.rcode.from_text(rcode))
    text = f"{message.to_text()}\n;{section}\n" if section == "AUTHORITY" else message.to_text().split(";ANSWER")[0]
    made = dns.message.from_text(text + (";ANSWER\n" if section == "ANSWER" else "") + "\n".join(records) + "\n")
    made.id = message.id
    return made.to_wire()


def test_addresses_and_the_least_time_to_live_are_read_along_aliases() -> None:
    query = Query("www.example.com", "A")
    wire = answer(
        query,
        "www.example.com. 300 IN CNAME edge.example.net.",
        "edge.example.net. 60 IN A 192.0.2.1",
        "edge.example.net. 60 IN A 192.0.2.2",
        "unasked.example.org. 5 IN A 192.0.2.3",
    )

    assert query.read(wire) in (
        Reply(("192.0.2.1", "192.0.2.2"), 60),
        Reply(("192.0.2.2", "192.0.2.1"), 60),
    )


def test_no_such_name_has_the_zones_time_to_live() -> None:
    query = Query("none.example.com", "AAAA")
    soa = "example.com. 900 IN SOA ns.example.com. me.example.com. 1 3600 600 86400 40"

    assert query.read(answer(query, soa, rcode="NXDOMAIN", section="AUTHORITY")) == Reply((), 40)


def test_a_loop_of_aliases_is_an_error() -> None:
    query = Query("a.example", "A")

    with pytest.raises(DNSError):
        query.read(answer(query, "a.example. 1 IN CNAME b.example.", "b.example. 1 IN CNAME a.example."))


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "FORMERR"])
def test_a_servers_failure_is_an_error(rcode: str) -> None:
    query = Query("a.example", "A")

    with pytest.raises(DNSError, match=rcode):
        query.read(answer(query, rcode=rcode))


def test_answers_to_other_questions_are_none() -> None:
    query = Query("a.example", "A", number=7)
    own = answer(query, "a.example. 60 IN A 192.0.2.1")

    assert query.is_answered_by(own)
    for other in (
        answer(Query("a.example", "A", number=8)),
        answer(Query("b.example", "A", number=7)),
        answer(Query("a.example", "AAAA", number=7)),
        query.wire,
        b"",
    ):
        assert not query.is_answered_by(other)
        with pytest.raises(DNSError):
            query.read(other)


def test_truncation_is_told() -> None:
    query = Query("a.example", "A")
    cut = dns.message.make_response(dns.message.from_wire(query.wire))
    cut.flags |= dns.flags.TC

    assert query.is_truncated(cut.to_wire())
    assert not query.is_truncated(answer(query))


def test_padded_queries_do_not_tell_how_long_a_name_is() -> None:
    lengths = {len(Query("a" * count + ".example", "A", padded=True).wire) for count in range(1, 40)}

    assert lengths == {128}


def test_a_name_in_another_script_is_asked_for_in_its_ascii_form() -> None:
    assert b"\x10xn--bcher-kva-\x07example"[1:11] in Query("bücher.example", "A").wire


@pytest.mark.parametrize("name", ["", "a..example", "a" * 64, ".".join(["a" * 60] * 5), "\ud800.example"])
def test_what_is_no_name_is_an_error(name: str) -> None:
    with pytest.raises(NoHostNameError, match=r"isn't a host name$"):
        Query(name, "A")


@given(wire=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(wire: bytes) -> None:
    query = Query("a.example", "A", number=0)

    assert not query.is_answered_by(wire) or wire[:2] == b"\0\0"
    with suppress(DNSError):
        query.read(wire)


@given(labels=NAMES, flips=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 255)), max_size=4))
def test_any_damage_to_an_answer_is_an_error_or_still_an_answer(
    labels: list[str], flips: list[tuple[int, int]]
) -> None:
    try:
        query = Query(".".join(labels), "A")
    except DNSError:
        return
    wire = bytearray(answer(query, f"{'.'.join(labels)}. 60 IN A 192.0.2.1"))
    for place, bits in flips:
        wire[place % len(wire)] ^= bits
    try:
        reply = query.read(bytes(wire))
    except DNSError:
        return
    assert all(address.count(".") == 3 for address in reply.addresses)
