"""What the library's parts cost, a line for each number. None is compared with haproxy, which has no such parts."""

from __future__ import annotations

from benchmarks.parts.answers import measure_answers
from benchmarks.parts.deliveries import measure_deliveries
from benchmarks.parts.empty_records import measure_empty_records
from benchmarks.parts.fan_out import measure_fan_out
from benchmarks.parts.handshakes import measure_handshakes
from benchmarks.parts.ip_lists import measure_ip_lists
from benchmarks.parts.key_shares import measure_key_shares
from benchmarks.parts.line import Line, MeasureLines
from benchmarks.parts.record_sizes import measure_record_sizes
from benchmarks.parts.replay_check import measure_replay_checks
from benchmarks.parts.users import measure_users
from benchmarks.parts.visitors import measure_visitors

PARTS: dict[str, MeasureLines] = {
    "ip-lists": measure_ip_lists,
    "replay-check": measure_replay_checks,
    "fan-out": measure_fan_out,
    "handshakes": measure_handshakes,
    "key-shares": measure_key_shares,
    "answers": measure_answers,
    "users": measure_users,
    "visitors": measure_visitors,
    "empty-records": measure_empty_records,
    "deliveries": measure_deliveries,
    "record-sizes": measure_record_sizes,
}

__all__ = ["PARTS", "Line", "MeasureLines"]
