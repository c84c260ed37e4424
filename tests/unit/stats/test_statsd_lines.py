"""Lines of statsd's protocol, in each dialect of tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.stats.statsd_lines import LINES
from support.statsd_dialects import parse

dialects = st.sampled_from(sorted(LINES))


@pytest.mark.parametrize(
    ("tag_format", "line"),
    [
        ("datadog", b"mtg.x:5|c|#a:b,c:d"),
        ("influxdb", b"mtg.x,a=b,c=d:5|c"),
        ("graphite", b"mtg.x;a=b;c=d:5|c"),
    ],
)
def test_line_with_tags_and_without(tag_format: str, line: bytes) -> None:
    assert LINES[tag_format]("mtg.x", "5", "c", ("a", "c"), ("b", "d")) == line
    assert LINES[tag_format]("mtg.x", "5", "c", (), ()) == b"mtg.x:5|c"


@given(dialects, st.text(min_size=1), st.text(min_size=1), st.integers(0, 2**60))
def test_any_tag_value_makes_one_line_of_the_dialect(tag_format: str, first: str, second: str, number: int) -> None:
    (metric,) = parse(LINES[tag_format]("mtg.x", str(number), "g", ("a", "b"), (first, second)), tag_format)

    assert (metric.name, metric.value, metric.kind) == ("mtg.x", float(number), "g")
    assert {tag for tag, _ in metric.tags} == {"a", "b"}


@given(dialects, st.text("abcXYZ019_./-", min_size=1))
def test_what_no_dialect_takes_for_its_own_stays_as_it_is(tag_format: str, value: str) -> None:
    (metric,) = parse(LINES[tag_format]("mtg.x", "5", "c", ("a",), (value,)), tag_format)

    assert metric.tags == {("a", value)}


@pytest.mark.parametrize(
    ("tag_format", "shown"),
    [("datadog", "2001:db8::1"), ("influxdb", "2001-db8--1"), ("graphite", "2001-db8--1")],
)
def test_an_ipv6_address_keeps_its_colons_where_they_mean_nothing(tag_format: str, shown: str) -> None:
    (metric,) = parse(LINES[tag_format]("mtg.x", "5", "g", ("dc_ip", "dc"), ("2001:db8::1", "2")), tag_format)

    assert metric.tags == {("dc_ip", shown), ("dc", "2")}


@pytest.mark.parametrize("tag_format", sorted(LINES))
def test_tags_without_values_are_our_own_fault(tag_format: str) -> None:
    with pytest.raises(ValueError, match="shorter"):
        LINES[tag_format]("mtg.x", "5", "c", ("a", "b"), ("c",))
