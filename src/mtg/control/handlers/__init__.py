"""The handlers of requests, one module for each group. Each lists its requests in `ROUTES`."""

from __future__ import annotations
