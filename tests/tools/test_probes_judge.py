"""When samples are alike: always the same at the site, varying at the site, and times."""

from __future__ import annotations

import pytest
from tools.probes.judge import Sample, are_no_strays, difference_of_outcomes, difference_of_times


def samples(*counts: tuple[int, str], end_seconds: float = 1.0, spread_seconds: float = 0.0) -> list[Sample]:
    """Samples with these endings, whose times are spread evenly around one."""
    endings = [ending for count, ending in counts for _ in range(count)]
    offsets = [spread_seconds * (number / len(endings) - 0.5) for number in range(len(endings))]
    return [Sample("said", ending, None, end_seconds + offset) for ending, offset in zip(endings, offsets, strict=True)]


def test_one_other_outcome_differs_where_the_site_never_varies() -> None:
    site = samples((50, "fin"))

    assert difference_of_outcomes(site, samples((50, "fin"))) is None
    assert difference_of_outcomes(site, samples((49, "fin"), (1, "reset"))) == "1 of 50 differ"


def test_a_few_others_may_be_chance_where_no_two_tries_are_the_same() -> None:
    site = samples((50, "fin"))

    assert difference_of_outcomes(site, samples((49, "fin"), (1, "reset")), may_stray=True) is None
    assert difference_of_outcomes(site, samples((40, "fin"), (10, "reset")), may_stray=True) == "10 of 50 differ"


def test_other_bytes_with_the_same_ending_differ() -> None:
    assert difference_of_outcomes([Sample("one", "fin", 0, 1)], [Sample("other", "fin", 0, 1)])


@pytest.mark.parametrize(("strays", "are_many"), [(0, False), (1, False), (4, False), (10, True), (50, True)])
def test_strays_are_few(strays: int, are_many: bool) -> None:
    proxy = samples((50 - strays, "fin"), (strays, "reset"))

    assert are_no_strays(samples((50, "fin")), proxy) is are_many


def test_once_is_enough_where_few_tries_are_made() -> None:
    site = samples((4, "fin"))

    assert difference_of_outcomes(site, samples((1, "fin"), (3, "reset")), is_strict=False) is None
    assert difference_of_outcomes(site, samples((4, "reset")), is_strict=False) is not None


@pytest.mark.parametrize(("resets", "is_alike"), [(10, True), (20, True), (45, False), (0, False)])
def test_where_the_site_varies_counts_are_compared(resets: int, is_alike: bool) -> None:
    site = samples((38, "fin"), (12, "reset"))
    proxy = samples((50 - resets, "fin"), (resets, "reset"))

    assert (difference_of_outcomes(site, proxy) is None) is is_alike


@pytest.mark.parametrize(
    ("end_seconds", "allowed_seconds", "is_alike"),
    [
        (1.0, 0.0, True),
        (1.04, 0.0, True),  # five per cent
        (1.08, 0.0, False),
        (0.9, 0.0, False),
        (1.08, 0.1, True),
        (1.12, 0.1, False),
        (0.9, 0.1, False),  # nothing is allowed to be early
    ],
)
def test_times_may_differ_a_little(end_seconds: float, allowed_seconds: float, is_alike: bool) -> None:
    site = samples((50, "fin"), end_seconds=1.0, spread_seconds=0.01)
    proxy = samples((50, "fin"), end_seconds=end_seconds, spread_seconds=0.01)

    assert (difference_of_times(site, proxy, allowed_seconds) is None) is is_alike


def test_times_that_are_spread_more_than_they_differ_are_alike() -> None:
    site = samples((50, "fin"), end_seconds=0.010, spread_seconds=0.018)
    proxy = samples((50, "fin"), end_seconds=0.0115, spread_seconds=0.018)

    assert difference_of_times(site, proxy, 0.0) is None
    assert difference_of_times(site, samples((50, "fin"), end_seconds=0.0115), 0.0) is not None
    assert difference_of_times(site, samples((50, "fin"), end_seconds=0.0115), 0.0, slack_seconds=0.01) is None


def test_a_millisecond_is_nothing() -> None:
    assert (
        difference_of_times(samples((50, "fin"), end_seconds=0.001), samples((50, "fin"), end_seconds=0.0019), 0)
        is None
    )


def test_times_of_what_happens_seldom_are_not_compared() -> None:
    usual = [Sample("said", "fin", None, 1.0)] * 48

    site = [*usual, Sample("said", "fin", 0.001, 1.0)]
    proxy = [*usual, Sample("said", "fin", 0.9, 1.0)]
    assert difference_of_times(site, proxy, 0.0) is None
    assert difference_of_times(site[-1:], proxy[-1:], 0.0) is not None, "where few tries are all there are"


def test_a_reset_behind_a_fin_has_a_time_of_its_own() -> None:
    site, proxy = ([Sample("said", "fin+reset", 0.01, 0.02, seconds)] * 10 for seconds in (0.03, 0.02))

    assert difference_of_times(site, proxy, 0.0) == "RST after a FIN after 30.0 and 20.0 ms"
    assert difference_of_times(site, site, 0.0) is None
