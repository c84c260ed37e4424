"""Anti-replay caches."""

from __future__ import annotations

from .exact import Exact
from .persistent_cache import PersistentCache
from .redis import Redis
from .stable_bloom import StableBloom
from .window import Window

__all__ = ["Exact", "PersistentCache", "Redis", "StableBloom", "Window"]
