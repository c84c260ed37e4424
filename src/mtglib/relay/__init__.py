"""Private. Moves bytes between a client and its upstream, a DC or the fronting site.

`job` is the whole interface of a relay, and `choice` selects one: `native` hands the sockets to the Rust engine's
threads; `pure` does the same in asyncio, more slowly, and is the oracle of the engine's tests.
"""
