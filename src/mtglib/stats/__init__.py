"""Statistics: observers that count events, for Prometheus and statsd."""

from __future__ import annotations

from .process import process_samples
from .prometheus import Prometheus
from .samples import Sample
from .statsd import Statsd

__all__ = ["Prometheus", "Sample", "Statsd", "process_samples"]
