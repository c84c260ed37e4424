"""Anti-replay caches."""

from .redis import Redis
from .stable_bloom import StableBloom
from .window import Window

__all__ = ["Redis", "StableBloom", "Window"]
