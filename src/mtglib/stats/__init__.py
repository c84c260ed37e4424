"""Statistics: observers that count events, for Prometheus and for statsd."""

from .prometheus import Prometheus
from .statsd import Statsd

__all__ = ["Prometheus", "Statsd"]
