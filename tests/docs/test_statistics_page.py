"""docs/statistics.md lists exactly the metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

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
