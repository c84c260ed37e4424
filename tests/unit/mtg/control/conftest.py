"""What these tests vary: the event loop, for tests marked with `loop_factories`."""

from __future__ import annotations

from integration.conftest import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]
