"""The foundation of all parts and the core: checks, names, addresses, durations, time-outs, guards.

Nothing here imports a part or the proxy. A part may use all of it, but imports no other part.
"""
