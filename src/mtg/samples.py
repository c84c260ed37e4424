"""The functions of sampled metrics: from the running program's parts, and from the system for its process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import mtg
import mtglib
from mtg.build import Parts, ReplayCache
from mtglib.stats import Sample, process_samples


def sample_all(in_use: Callable[[], Parts], proxy: mtglib.Proxy) -> None:
    """Register the sampled metrics with all statistics of the parts in use; a reload may change them."""
    parts = in_use()
    samples: dict[str, Sample] = {
        "build_info": lambda: {(mtg.__version__, proxy.relay_engine): 1},
        "clients": lambda: proxy.clients,
        "visitors": lambda: proxy.visitors,
        "engine_threads": mtglib.engine_threads,
        "engine_connections": lambda: proxy.engine_connections,
        "engine_buffered_bytes": lambda: _if_known(proxy.engine_buffered_bytes),
        "front_learned_timestamp_seconds": lambda: {(one.host,): one.learnt_unix for one in proxy.front_answers},
        "front_answer_bytes": lambda: {(one.host,): one.answer_bytes for one in proxy.front_answers},
        **_user_samples(None if parts.loaded.has_only_the_secret else parts.users),
        "events_dropped": lambda: events_dropped(in_use(), proxy),
        **process_samples(),
    }
    samples["replay_memory_entries"] = lambda: _of_memory(in_use(), len)
    samples["replay_memory_reach_seconds"] = lambda: _of_memory(in_use(), lambda memory: memory.reach_seconds)
    for statistics in (parts.prometheus, parts.statsd):
        if statistics is not None:
            for name, function in samples.items():
                statistics.sample(name, function)


def events_dropped(parts: Parts, proxy: mtglib.Proxy) -> int:
    """The number of events that observers didn't get: they were too slow, or the events couldn't be sent."""
    return parts.fanout.dropped + proxy.events_dropped


def _user_samples(users: mtglib.Users | None) -> dict[str, Sample]:
    """Return those of each user; a removed user's series end. Without `users` there are none."""

    def usages() -> Iterator[tuple[str, mtglib.UserUsage]]:
        for user in users or ():
            assert users is not None
            usage = users.usage(user.name, time.time())
            assert usage is not None
            yield user.name, usage

    return {
        "user_connections": lambda: {(name,): usage.connections for name, usage in usages()},
        "user_traffic": lambda: {
            (name, direction): count_bytes
            for name, usage in usages()
            for direction, count_bytes in (
                ("from_client", usage.from_client_bytes),
                ("to_client", usage.to_client_bytes),
            )
        },
        "user_rejected": lambda: {
            (name, str(reason)): count for name, usage in usages() for reason, count in usage.refusals.items()
        },
    }


def _of_memory(parts: Parts, function: Callable[[ReplayCache], float]) -> float | Mapping[tuple[str, ...], float]:
    return {} if parts.replay_memory is None else function(parts.replay_memory)


def _if_known(value: int | None) -> int | Mapping[tuple[str, ...], int]:
    return {} if value is None else value
