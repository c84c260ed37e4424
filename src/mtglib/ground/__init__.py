"""What all parts and the core stand on: checks, names, addresses, durations, time-outs, guards.

Nothing in here knows a part, or the proxy. A part may use all of it, and still knows no other part.
"""
