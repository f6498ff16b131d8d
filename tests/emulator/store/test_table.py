"""Pages of a table's records agree with what looking at each record would find."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from pytest_aicore.emulator.store import tables
from pytest_aicore.emulator.store.search import Search, Selectors
from pytest_aicore.emulator.store.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Thing:
    """A record with two attributes that have an index, and some that have none."""

    id: str
    number: int
    colour: str
    size: int
    text: str = ""
    labels: tuple[tuple[str, str], ...] | None = None

    @property
    def searched(self) -> tuple[str, ...]:
        """The texts that a search looks through."""
        return self.text, self.colour


COLOURS = some.sampled_from(["red", "green", "blue"])
SIZES = some.integers(0, 2)
STEPS = some.one_of(
    some.tuples(some.just("add"), COLOURS, SIZES),
    some.tuples(some.just("late"), COLOURS, SIZES),
    some.tuples(some.just("put"), COLOURS, SIZES),
    some.tuples(some.just("remove"), COLOURS, SIZES),
    some.tuples(some.just("copy"), COLOURS, SIZES),
)
SEARCHED = some.sampled_from(["e", "red", "RED", "a b", "thing", "g\0r"])
SELECTED = some.lists(some.sampled_from(["size=1", "size!=1", "odd=yes", "odd!=no", "no=no"]), min_size=1, max_size=2)
CONTENTS: dict[str, some.SearchStrategy[Any]] = {
    "searched": some.builds(Search, SEARCHED, some.booleans()),
    "labels": SELECTED.map(Selectors.of),
}
ALL_FILTERS = some.fixed_dictionaries(
    {
        "colour": some.none() | COLOURS | some.frozensets(COLOURS),
        "size": some.none() | SIZES | some.frozensets(SIZES) | some.just(lambda size: size > 0),
        "text": some.none() | some.just(lambda text: "red" in text),
        **{name: some.none() | asked for name, asked in CONTENTS.items()},
    }
)
FILTERS = some.one_of(ALL_FILTERS, *(some.fixed_dictionaries({name: asked}) for name, asked in CONTENTS.items()))


def fits(value: object, wanted: object | Callable[[Any], bool]) -> bool:
    """Tell whether a record with this value is wanted."""
    if callable(wanted):
        return bool(wanted(value))
    return wanted is None or (value in wanted if isinstance(wanted, frozenset) else value == wanted)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws slowly
@given(
    steps=some.lists(STEPS, max_size=30),
    filters=some.lists(FILTERS, min_size=1, max_size=4),
    skip=some.integers(0, 3),
    top=some.none() | some.integers(0, 5),
    few=some.sampled_from([0, tables.FEW]),
)
def test_a_page_holds_the_newest_that_match(
    steps: list[tuple[str, str, int]], filters: list[dict[str, Any]], skip: int, top: int | None, few: int
) -> None:
    """Whatever was added, changed, removed or copied before, and whatever was asked in between."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "FEW", few)  # with few records, an index would not be used
        compare(steps, filters, skip, top)


def compare(steps: list[tuple[str, str, int]], filters: list[dict[str, Any]], skip: int, top: int | None) -> None:
    """Compare a table with a list."""
    table: Table[Thing] = Table("colour", "size")
    things: list[Thing] = []
    for number, (step, colour, size) in enumerate(steps):
        if step == "add" or not things:
            things.append(table.add(make(number, colour, size)))
        elif step == "put":
            things[-1] = table.put(replace(things[-1], colour=colour, size=size))
        elif step == "late":
            things.insert(0, table.add(make(-number, colour, size)))
        elif step == "remove":
            table.remove(things.pop(0).id)
        else:
            table = table.copy()
        for wanted in filters:
            matching = [
                thing for thing in reversed(things) if all(fits(getattr(thing, key), wanted[key]) for key in wanted)
            ]
            end = None if top is None else skip + top
            assert table.select(wanted, skip=skip, top=top) == matching[skip:end]
            assert table.count(wanted) == len(matching)


def make(number: int, colour: str, size: int) -> Thing:
    """Return a record."""
    labels = (("size", str(size)), *([("odd", "yes" if number % 3 else "no")] if number % 2 else []))
    return Thing(f"thing-{number}", number, colour, size, f"a {colour} Thing", labels if size else None)
