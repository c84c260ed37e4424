"""Private. The bytes on the wire, and nothing else: functions from bytes to dataclasses and back.

No I/O, no clock and no randomness in here, so that hostile bytes meet only code that can be tested and fuzzed without
a socket. What a parser raises is `ClientError`, and never anything else.
"""
