"""What a server hasn't got yet, against a list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mtglib.antireplay.unsent import Unsent


def record(number: int) -> bytes:
    return number.to_bytes(16)


@given(
    steps=st.lists(st.tuples(st.sampled_from(["add", "forget", "load", "since"]), st.integers(0, 12)), max_size=60),
    max_records=st.integers(1, 20),
)
def test_it_is_a_list_whose_beginning_goes(steps: list[tuple[str, int]], max_records: int) -> None:
    unsent, added = Unsent(max_records), 0
    for step, count in steps:
        if step in ("add", "load"):
            new = [record(added + number) for number in range(count)]
            added += count
            if step == "load":
                unsent.load(b"".join(new), 0)
            else:
                for one in new:
                    unsent.add(one)
        elif step == "forget":
            unsent.forget(count)
        else:
            first, found = unsent.since(count, 5)
            assert first == max(count, unsent.forgotten)
            assert found == b"".join(map(record, range(first, max(first, min(added, first + 5)))))
        assert unsent.added == added
        assert len(unsent) == added - unsent.forgotten <= max_records
