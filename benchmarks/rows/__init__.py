"""The rows of the table: what each measures, in which unit, and the target it has to meet."""

from __future__ import annotations

from benchmarks.rows.bulk import DOWNLOAD_FAST, DOWNLOAD_REENCRYPTED, UPLOAD, UPLOAD_SMALL_RECORDS
from benchmarks.rows.connection import CONNECTION, CONNECTION_WITHOUT_ML_KEM, HANDSHAKE
from benchmarks.rows.idle_memory import IDLE_MEMORY, START_MEMORY
from benchmarks.rows.paced import PACED_CPU, PACED_DELAY
from benchmarks.rows.round_trip import ROUND_TRIP, ROUND_TRIP_ALONE
from benchmarks.rows.row import Row
from benchmarks.rows.throughput import THROUGHPUT_FEW, THROUGHPUT_MANY

DEFAULT_ROWS: tuple[Row, ...] = (
    DOWNLOAD_FAST,
    DOWNLOAD_REENCRYPTED,
    UPLOAD,
    ROUND_TRIP,
    CONNECTION,
    CONNECTION_WITHOUT_ML_KEM,
    IDLE_MEMORY,
    PACED_CPU,
    PACED_DELAY,
    THROUGHPUT_FEW,
    THROUGHPUT_MANY,
)
# For tuning; they have no target and run only when they are named.
EXTRA_ROWS: tuple[Row, ...] = (UPLOAD_SMALL_RECORDS, ROUND_TRIP_ALONE, HANDSHAKE, START_MEMORY)
ROWS: dict[str, Row] = {row.key: row for row in (*DEFAULT_ROWS, *EXTRA_ROWS)}

__all__ = ["DEFAULT_ROWS", "EXTRA_ROWS", "ROWS", "Row"]
