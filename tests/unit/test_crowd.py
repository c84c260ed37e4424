"""Who of some visitors makes room: one of the larger kind, the oldest of it, or the one that was silent longest."""

from __future__ import annotations

from dataclasses import dataclass

from mtglib.crowd import Crowd


@dataclass(eq=False)
class One:
    """A visitor."""

    name: str
    is_past_the_end: bool = False


def crowd(uncertain: str, fronted: str) -> tuple[Crowd[One], dict[str, One]]:
    made: Crowd[One] = Crowd()
    everybody = {name: One(name) for name in fronted + uncertain}
    for each in everybody.values():
        made.add(each)
    for name in fronted:
        made.fronted(everybody[name])
    return made, everybody


def leave(made: Crowd[One]) -> str:
    """All of them, one after the other."""
    names = ""
    while (gone := made.next_to_go()) is not None:
        made.remove(gone)
        names += gone.name
    return names


def test_nobody_is_next_of_none() -> None:
    made, _ = crowd("", "")

    assert made.next_to_go() is None
    assert len(made) == 0


def test_the_larger_kind_gives_one_up_and_the_oldest_goes_first() -> None:
    assert leave(crowd("abc", "x")[0]) == "abxc"
    assert leave(crowd("a", "xyz")[0]) == "xyza"
    assert leave(crowd("ab", "xy")[0]) == "xayb"


def test_traffic_makes_only_the_sites_younger() -> None:
    made, everybody = crowd("abc", "xyz")
    for name in "ax":
        made.touch(everybody[name])

    assert leave(made) == "yazbxc"


def test_a_crowd_that_talks_to_the_site_pushes_out_none_whose_hello_is_late() -> None:
    made, everybody = crowd("c", "uvwxyz")
    for _ in range(3):
        for name in "uvwxyz":
            made.touch(everybody[name])
    newcomer = One("n")
    made.add(newcomer)

    assert leave(made)[:3] == "uvw"


def test_past_the_sites_end_goes_first_whatever_the_kinds() -> None:
    made, everybody = crowd("abcd", "xy")
    everybody["y"].is_past_the_end = True
    made.past_the_end(everybody["y"])
    made.touch(everybody["y"])

    assert leave(made)[0] == "y"


def test_who_is_not_there_is_not_brought_in() -> None:
    made, _ = crowd("a", "x")
    other = One("s")
    made.touch(other)

    assert other not in made
    assert len(made) == 2
