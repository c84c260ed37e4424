"""Our text against prometheus-client's parser."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from mtglib.stats.histogram import BOUNDS_SECONDS, Histogram
from mtglib.stats.text_format import family, histogram_family


def parsed(text: str) -> Any:
    (found,) = text_string_to_metric_families(text)
    return found


def test_counter_keeps_its_name() -> None:
    text = "".join(family("mtg_x", "counter", "What.", ("a", "b"), [(("1", "2"), 7), (("3", "4"), 8)]))

    assert text == '# HELP mtg_x What.\n# TYPE mtg_x counter\nmtg_x{a="1",b="2"} 7\nmtg_x{a="3",b="4"} 8\n'
    assert parsed(text).type == "counter"


def test_metric_without_labels_has_no_braces() -> None:
    assert list(family("x", "gauge", "What.", (), [((), 7)]))[1:] == ["x 7\n"]


@given(st.text(), st.integers(0, 2**53))
def test_any_label_value_comes_back(value: str, number: int) -> None:
    found = parsed("".join(family("mtg_x", "gauge", "What.", ("label",), [((value,), number)])))

    (sample,) = found.samples
    assert (found.type, found.documentation) == ("gauge", "What.")
    assert (sample.name, sample.labels, sample.value) == ("mtg_x", {"label": value}, number)


@given(st.text(st.characters(exclude_categories=("Z", "C"))))
def test_any_help_comes_back(text: str) -> None:
    assert parsed("".join(family("x", "gauge", text, (), [((), 1)]))).documentation == text


def test_histogram_as_text() -> None:
    histogram = Histogram()
    histogram.observe(40.5)

    lines = list(histogram_family("x", "What.", (), {(): histogram}))

    assert "".join(lines[-3:]) == 'x_bucket{le="30.0"} 0\nx_bucket{le="+Inf"} 1\nx_sum 40.5\nx_count 1\n'


@given(st.lists(st.floats(0, 100)))
def test_histogram_counts_what_is_at_most_each_bound(durations: list[float]) -> None:
    histogram = Histogram()
    for seconds in durations:
        histogram.observe(seconds)

    found = parsed("".join(histogram_family("mtg_x", "What.", ("dc",), {("2",): histogram})))

    samples = {(sample.name, sample.labels.get("le")): sample.value for sample in found.samples}
    assert found.type == "histogram"
    assert all(sample.labels["dc"] == "2" for sample in found.samples)
    assert samples.pop(("mtg_x_count", None)) == len(durations)
    assert math.isclose(samples.pop(("mtg_x_sum", None)), sum(durations), abs_tol=1e-6)
    expected = {str(bound): sum(seconds <= bound for seconds in durations) for bound in (*BOUNDS_SECONDS, math.inf)}
    assert {str(float(bound or "")): count for (_, bound), count in samples.items()} == expected
