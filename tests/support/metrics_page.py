"""A page of metrics, read by prometheus-client's parser."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


def samples(page: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return all values by name and labels, without the ``_total`` that the parser adds to the names of counters."""
    families = text_string_to_metric_families(page.decode())
    return {
        (sample.name.removesuffix("_total"), frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(page: bytes, name: str, **labels: str) -> float:
    """Return one value."""
    return samples(page)[name, frozenset(labels.items())]


def of_metric(page: bytes, name: str) -> list[float]:
    """Return the values of all series of a metric."""
    return [number for (found, _), number in samples(page).items() if found == name]
