"""What parts that replace others take over from them, so that nothing is counted, remembered or downloaded anew."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import mtglib
from mtg.build import Parts
from mtg.config.file_users import check_still_there, read_users_file
from mtg.configured_users import configured_users, usage_file_of
from mtg.user_error import UserError


def with_same_statistics(parts: Parts, earlier: Parts) -> Parts:
    """Return the parts with the counts of earlier ones, wherever both have statistics."""
    return replace(
        parts,
        prometheus=earlier.prometheus if parts.prometheus and earlier.prometheus else parts.prometheus,
        statsd=earlier.statsd if parts.statsd and earlier.statsd else parts.statsd,
    )


def with_same_users(parts: Parts, earlier: Parts) -> Parts:
    """Make the users in use those of the new configuration, and return the parts with them; their usage goes on."""
    users = earlier.users
    users.set(parts.users)
    usage = earlier.usage or usage_file_of(parts.loaded, users, parts.logger)
    return replace(
        parts,
        users=users,
        usage=None if parts.usage is None else usage,
        options=replace(parts.options, users=users),
    )


def rename_statistics(parts: Parts, earlier: Parts) -> None:
    """Make statistics that stay what the new configuration says."""
    if parts.prometheus is not None and parts.prometheus is earlier.prometheus:
        parts.prometheus.rename(**parts.made["prometheus"].how.keywords)
    if parts.observed is not None:
        parts.observed.feed.mask_client_addresses = parts.config.mask_client_addresses
    if parts.statsd is not None and parts.statsd is earlier.statsd:
        how, before = parts.made["statsd"].how, earlier.made["statsd"].how
        if how.keywords != before.keywords:
            parts.statsd.move(**{name: value for name, value in how.keywords.items() if name != "logger"})


async def read_new_lists(parts: Parts, earlier: Parts) -> tuple[str, ...]:
    """Load IP lists that aren't in use yet, with what those in use have of the same sources.

    Returns:
        A line for each source that can't be read.

    Raises:
        UserError: Nothing of the allowlist can be read, so nobody could connect.
    """
    problems: list[str] = []
    known = [ip_list for ip_list, _ in earlier.ip_lists]
    for ip_list, _ in parts.ip_lists:
        if ip_list in known:
            continue
        key = "blocklist" if ip_list is parts.options.ip_blocklist else "allowlist"
        for each in known:
            await ip_list.take_over(each)
        await ip_list.load()
        failed = [source for source in await ip_list.update_missing() if source.problem]
        lines = [f"{parts.source}: defense.{key}.urls: {source.label}: {source.problem}" for source in failed]
        if key == "allowlist" and failed and not ip_list.size:
            raise UserError(lines)
        problems += lines
    return tuple(problems)


async def read_users_again(parts: Parts, earlier: Parts) -> None:
    """Read the users-file once more: while lists were loaded, it may have been changed over the API.

    Raises:
        UserError: It is broken by now, or gone.
    """
    loaded = parts.loaded
    if loaded.users_file is None:
        return
    in_use = () if earlier.options.users is None else [user.name for user in earlier.options.users]
    check_still_there(loaded.users_file, in_use, earlier.config.users)
    own = loaded.config.users
    found = await asyncio.to_thread(read_users_file, loaded.users_file, own, loaded.source, time.time())
    if found.problems:
        raise UserError(found.problems)
    parts.users.set(configured_users({**own, **found.users}))


async def take_over_replay_memory(parts: Parts, earlier: Parts, logger: mtglib.Logger) -> None:
    """Fill a new replay memory from the one in use, which gives up its directory."""
    new, old = parts.replay_memory, earlier.replay_memory
    if new is old:
        return
    if new is None:
        if old is not None:
            await old.close()
        return
    try:
        await (new.load() if old is None else new.take_over(old))
    except mtglib.OptionError:
        logger.warning(
            "state-directory: in use by another process; after a restart, hellos seen before it can be replayed"
        )
    except asyncio.CancelledError:  # the program stops, and a successor may want the directory
        await new.close()
        raise


async def close_earlier(earlier: Parts, parts: Parts) -> None:
    """Close parts that are no longer used."""
    if earlier.replay_memory is not None and earlier.replay_memory is not parts.replay_memory:
        await earlier.replay_memory.close()
    if earlier.resolver is not parts.resolver:
        await earlier.resolver.aclose()
