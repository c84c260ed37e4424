"""Statistics: observers that count events, for Prometheus and statsd."""

from __future__ import annotations

from .http_types import HTTPHandler
from .process import process_samples
from .prometheus import Prometheus
from .samples import Sample
from .serving import AiohttpIsMissingError, serve_http
from .statsd import Statsd

__all__ = ["AiohttpIsMissingError", "HTTPHandler", "Prometheus", "Sample", "Statsd", "process_samples", "serve_http"]
