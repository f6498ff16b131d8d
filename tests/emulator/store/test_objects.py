"""What object stores hold belongs to a resource group, and comes and goes with the rest of the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.store.objects import objects_below, store_object

if TYPE_CHECKING:
    from pytest_aicore.emulator.store.state import ResourceGroup


def group_of(emulator: Emulator) -> ResourceGroup:
    return emulator.state.groups["default"]


def put(emulator: Emulator, path: str, content: bytes) -> None:
    store_object(emulator.state, group_of(emulator), path, content)


def held(emulator: Emulator, path: str = "default") -> dict[str, bytes]:
    return {each.id: each.content for each in objects_below(group_of(emulator).objects, path)}


def test_what_a_url_names_is_the_object_at_it_and_those_below_it() -> None:
    emulator = Emulator()
    for path in ("default/data/b", "default/data/a/c", "default/database", "default/dat", "models/data/b"):
        put(emulator, path, path.encode())
    assert list(held(emulator, "default/data")) == ["default/data/a/c", "default/data/b"]
    assert list(held(emulator, "default/data/")) == ["default/data/a/c", "default/data/b"]
    assert list(held(emulator, "default/dat")) == ["default/dat"]


def test_a_rollback_brings_back_what_was_overwritten() -> None:
    emulator = Emulator()
    put(emulator, "default/a", b"before")
    checkpoint = emulator.checkpoint()
    put(emulator, "default/a", b"after")
    put(emulator, "default/b", b"new")
    emulator.rollback(checkpoint)
    assert held(emulator) == {"default/a": b"before"}


def test_what_a_wider_fixture_overwrites_stays_overwritten_in_the_running_test_and_after_it() -> None:
    emulator = Emulator()
    put(emulator, "default/a", b"first")
    put(emulator, "default/b", b"first")
    checkpoint = emulator.checkpoint()
    put(emulator, "default/b", b"the test's")
    with emulator.baseline(checkpoint):
        put(emulator, "default/a", b"second")
        put(emulator, "default/b", b"second")
        put(emulator, "default/c", b"new")
    assert held(emulator) == {"default/a": b"second", "default/b": b"the test's", "default/c": b"new"}
    emulator.rollback(checkpoint)
    assert held(emulator) == {"default/a": b"second", "default/b": b"second", "default/c": b"new"}
