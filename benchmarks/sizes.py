"""How much one run of each row moves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """The load of one run."""

    bulk_connections: int
    bulk_blocks: int  # of 256 KiB, per connection
    trips: int  # per connection
    clients: int  # that connect at the same time
    connections: int  # that each of them makes, one after another
    idle: int  # connections that each of them leaves open
    parallel_connections: int  # of the row with many downloads at once
    parallel_blocks: int  # of 256 KiB, per such connection
    paced_connections: int  # that get a burst every 50 ms
    paced_bursts: int  # per connection


# Bulk: four connections are more than the two threads of haproxy or the engine, so that each thread serves several, but
# few enough for each to move long stretches, as downloads do; 1 GB costs about one CPU second. 50 000 round trips and
# 2000 connections cost a proxy one to two CPU seconds, too. 4000 idle connections take at least 16 MB, so that a single
# page doesn't matter. 64 downloads are 1 GB together, as 4 are. 300 streams of 16 KiB every 50 ms are 98 MB a second,
# for 4 seconds, which leaves two cores mostly idle.
FULL = Sizes(
    bulk_connections=4,
    bulk_blocks=954,
    trips=1000,
    clients=16,
    connections=125,
    idle=250,
    parallel_connections=64,
    parallel_blocks=60,
    paced_connections=300,
    paced_bursts=80,
)

# Enough to see that everything works and to warm up a proxy; too little for a meaningful number.
QUICK = Sizes(
    bulk_connections=4,
    bulk_blocks=32,
    trips=20,
    clients=16,
    connections=4,
    idle=16,
    parallel_connections=16,
    parallel_blocks=4,
    paced_connections=30,
    paced_bursts=4,
)
