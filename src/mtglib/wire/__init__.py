"""Private. The bytes on the wire, and nothing else: functions from bytes to dataclasses and back.

It has no I/O, no clock and no randomness, so that hostile bytes reach only code that can be tested and fuzzed without a
socket. Parsers raise `ClientError` and nothing else.
"""
