"""What a script plays below the URLs of output artifacts, as nobody has trained it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.emulator.store.objects import objects_below
from pytest_aicore.errors import EmulatorError

if TYPE_CHECKING:
    from tests.emulator.conftest import House

NOT_STORABLE = "script: outputs=content for 'house-model' that cannot be played: "


def played(house: House, client: Any) -> dict[str, bytes]:
    """Run an execution to its end, and return by the path below its folder what is stored there."""
    execution_id = house.start(client)
    house.emulator.clock.advance(24 * 3600)
    assert client.execution.get(execution_id).status.value in ("COMPLETED", "DEAD")
    objects = house.emulator.state.groups["default"].objects
    found = objects_below(objects, f"default/{execution_id}")
    return {each.id.removeprefix(f"default/{execution_id}/"): each.content for each in found}


def test_bytes_text_files_folders_and_mappings_are_played(house: House, client: Any, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.bin").write_bytes(b"\xff")
    (tmp_path / "a.txt").write_text("a")
    house.emulator.script(
        outputs={
            "house-model": {"model.json": "{}", "tree": tmp_path, "copy/a": tmp_path / "a.txt"},
            "house-report": b"a single file",
        }
    )
    assert played(house, client) == {
        "house-model/model.json": b"{}",
        "house-model/tree/a.txt": b"a",
        "house-model/tree/deep/b.bin": b"\xff",
        "house-model/copy/a": b"a",
        "house-report": b"a single file",
    }


def test_a_function_of_the_execution_plays_them(house: House, client: Any) -> None:
    house.emulator.script(outputs=lambda execution: {"house-model": {"id": execution.id}})
    (path, content) = played(house, client).popitem()
    assert (path, content[:1], len(content)) == ("house-model/id", b"e", 16)


def test_nothing_is_played_by_one_that_fails(house: House, client: Any) -> None:
    house.emulator.script(outcome="DEAD", outputs={"house-model": "m"})
    assert played(house, client) == {}


def test_what_a_script_plays_ends_with_the_test(house: House, client: Any) -> None:
    checkpoint = house.emulator.checkpoint()
    house.emulator.script(outputs={"house-model": "m"})
    assert played(house, client) == {"house-model": b"m"}
    house.emulator.rollback(checkpoint)
    assert list(house.emulator.state.groups["default"].objects) == []


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ("model", "script: outputs='model' is not a mapping of contents by output artifact."),
        (
            {"house-model": 7},
            f"{NOT_STORABLE}7 cannot be stored: expected bytes, text, a pathlib.Path, or a mapping of these.",
        ),
        (
            {"house-model": {}},
            f"{NOT_STORABLE}an empty mapping cannot be stored: object stores hold files, and no empty folders.",
        ),
        (
            {"house-model": {"../other": "m"}},
            (
                f"{NOT_STORABLE}'../other' cannot be the path of a file: "
                "expected for example 'model.json' or 'data/a.csv'."
            ),
        ),
        (
            {"house-model": Path("/does/not/exist")},
            f"{NOT_STORABLE}/does/not/exist cannot be stored: it does not exist.",
        ),
        (
            {"house-mdoel": "m"},
            (
                "script: outputs: no executable has an output artifact 'house-mdoel'. Did you mean "
                "'house-model'? Output artifacts: 'house-model', 'house-report'."
            ),
        ),
    ],
)
def test_what_cannot_be_played_is_refused(house: House, outputs: Any, message: str) -> None:
    with pytest.raises(EmulatorError) as refused:
        house.emulator.script(outputs=outputs, place="test.py:1")
    assert str(refused.value) == f"test.py:1: {message}"


def test_what_is_played_is_not_left_out(house: House) -> None:
    with pytest.raises(EmulatorError) as refused:
        house.emulator.script(outputs={"house-model": "m"}, omit_outputs=True, place="test.py:1")
    assert str(refused.value) == (
        "test.py:1: script: outputs= plays 'house-model', which omit_outputs= leaves out: give one of them."
    )


def test_a_contradiction_shows_the_beginning_of_a_long_content(house: House) -> None:
    house.emulator.script(outputs={"house-model": "m" * 1000}, place="test.py:1")
    with pytest.raises(EmulatorError) as refused:
        house.emulator.script(outputs={"house-model": "n"}, place="test.py:2")
    long = "{'house-model': {'': b'" + "m" * 177 + "..."
    assert str(refused.value) == (
        f"test.py:2: script: outputs={{'house-model': {{'': b'n'}}}} for every execution contradicts outputs={long}, "
        "set at test.py:1. Give them different executables, or times= to let one follow the other."
    )


@pytest.mark.parametrize(
    ("returned", "incident"),
    [
        (
            {"house-mdoel": "m"},
            (
                "test.py:1: script: outputs: house-train has no output artifact 'house-mdoel'. Did you mean "
                "'house-model'? Output artifacts: 'house-model', 'house-report'."
            ),
        ),
        (
            {"house-model": None},
            (
                "test.py:1: script: outputs= failed for execution {id} of 'house-train': it returned content for "
                "'house-model' that cannot be played: None cannot be stored: expected bytes, text, a pathlib.Path, "
                "or a mapping of these. The execution continued without it."
            ),
        ),
    ],
)
def test_a_function_that_returns_what_cannot_be_played_fails_the_test(
    house: House, client: Any, returned: Any, incident: str
) -> None:
    house.emulator.script(outputs=lambda execution: returned, place="test.py:1")
    execution_id = house.start(client)
    house.emulator.clock.advance(24 * 3600)
    assert client.execution.get(execution_id).status.value == "COMPLETED"
    assert house.emulator.take_incidents() == [incident.replace("{id}", execution_id)]
