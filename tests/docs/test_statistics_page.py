"""docs/statistics.md lists exactly the metrics and the reasons that there are."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from mtglib import Reason
from mtglib.reasons import HANDSHAKE_FAILURES, RELAY_ENDS
from mtglib.stats import Prometheus
from mtglib.stats.metrics import SAMPLED

PAGE = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text()


def test_every_metric_is_listed_with_its_kind_and_no_other() -> None:
    listed = dict(re.findall(r"^\| `([a-z_]+)` \| (gauge|counter|histogram) \|", PAGE, re.MULTILINE))
    prometheus = Prometheus()
    for metric in SAMPLED:
        prometheus.sample(metric.name, dict)

    rendered = text_string_to_metric_families(prometheus.render().decode())

    assert listed == {family.name: family.type for family in rendered}


def reasons_in(heading: str) -> set[str]:
    """The reasons of the list that follows a line, without what is in brackets."""
    items = PAGE.partition(f"Reasons of `{heading}`:\n\n")[2].partition("\n\n")[0]
    return set(re.findall(r"`([a-z_]+)`", re.sub(r"\([^)]*\)", "", items)))


def test_every_reason_is_listed_and_no_other() -> None:
    handshake = reasons_in("handshake_failures")

    assert handshake == set(HANDSHAKE_FAILURES)
    assert reasons_in("connections_finished") | handshake == set(Reason)


def test_only_what_a_relay_alone_ends_with_is_listed_as_its_end() -> None:
    (line,) = re.findall(r"- While bytes were relayed: ([^-]+)", PAGE)
    at_any_time = {Reason.CLIENT_RESET, Reason.SHUTDOWN}
    assert set(re.findall(r"`(\w+)`", line)) == set(RELAY_ENDS) - at_any_time
