"""Private. Moves bytes between a client and what it was connected to, until that is over.

`job` is all that crosses to a relay and back, `choice` chooses one: `native` hands the sockets to the Rust engine's
threads, `pure` does the same in asyncio, slower, and is what the engine is tested against.
"""
