"""The truth table, by each engine that this machine has."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.emulator.control.scripts import LONGEST_STATUS_MESSAGE
from pytest_aicore.running.engines.choosing import ENGINES
from tests.local.laptops import workflow
from tests.local.truth_table import ENDINGS, FOLDER, Ending

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.local.laptops import Laptop

pytestmark = pytest.mark.once


@pytest.fixture
def laptop(request: pytest.FixtureRequest, engine: str, tmp_path: Path, make_laptop: Callable[..., Laptop]) -> Laptop:
    """Return what the endings need: data, and a folder for the image where one is mapped."""
    (tmp_path / "data" / "in").mkdir(parents=True)
    (tmp_path / "data" / "in" / "words.txt").write_text("some words\n", encoding="utf-8")
    os.mkfifo(tmp_path / "data" / "pipe")
    mapped = ENDINGS[request.getfixturevalue("what")].mapped
    if mapped is not None:
        (tmp_path / "image").mkdir()
        for name, text in mapped.items():
            (tmp_path / "image" / name).write_text(text, encoding="utf-8")
    images = {} if mapped is None else {"docker.io/me/*": tmp_path / "image"}
    return make_laptop(engine=engine, images=images, store={"default": tmp_path / "data"}, outputs=tmp_path / "outputs")


@pytest.fixture(params=ENDINGS)
def what(request: pytest.FixtureRequest, engine: str) -> str:
    """Return what happens, for each ending that the engine has."""
    why_not = ENDINGS[request.param].instead.get(engine)
    if why_not is not None:
        pytest.skip(why_not)
    return str(request.param)


def test_a_step_ends_itself_by_a_signal_that_this_process_ignores(
    engine: str, make_laptop: Callable[..., Laptop], tmp_path: Path
) -> None:
    """Sessions in the background of a script ignore SIGINT, those under `nohup` SIGHUP; containers do not."""
    laptop = make_laptop(engine=engine, outputs=tmp_path / "outputs")
    before = [signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGHUP)]
    try:
        ended = [laptop.ended(workflow(f"kill -{name} $$$$; echo survived")) for name in ("INT", "HUP", "PIPE")]
    finally:
        for each, handler in zip((signal.SIGINT, signal.SIGHUP), before, strict=True):
            signal.signal(each, handler)
    assert [(each["status"], each["statusMessage"]) for each in ended] == [
        ("DEAD", f"Error (exit code {code})") for code in (130, 129, 141)
    ]


def test_what_gives_the_signals_back_leaves_no_variable(
    engine: str, make_laptop: Callable[..., Laptop], tmp_path: Path
) -> None:
    """Python sets LC_CTYPE for itself (PEP 538), and its children would have it."""
    laptop = make_laptop(engine=engine, outputs=tmp_path / "outputs")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ended = laptop.ended(workflow("! env | grep ^LC_CTYPE && echo none > /out/model"))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (ended["status"], ended.get("statusMessage", "")) == ("COMPLETED", "")


def test_an_ending(what: str, engine: str, laptop: Laptop, tmp_path: Path) -> None:
    ending = ENDINGS[what]
    ended = laptop.ended(ending.workflow, ending.data)
    message = ending.message.replace(FOLDER, str(tmp_path))
    if engine in ending.begins:
        message = ended["statusDetails"]["workflow_info"][0]["message"]
        assert message.startswith(ending.begins[engine].replace(FOLDER, str(tmp_path)))
    expected = replace(ending, message=message)
    assert (ended["status"], ended.get("statusMessage", "")) == (expected.status, shortened(expected.message))
    assert [each["name"] for each in ended["outputArtifacts"]] == list(expected.outputs)
    assert details(ended) == expected_details(expected)
    mapping = "the image docker.io/me/tiny:1 is substituted"
    said = [warning for warning in laptop.warnings if not warning.startswith(mapping)]
    is_refused = expected.phase == "Error" and expected.main is None
    assert [warning.removeprefix(f"{ended['id']}: ") for warning in said if expected.warning or not is_refused] == (
        [expected.warning] if expected.warning else []
    )


def shortened(message: str) -> str:
    """Return a message as the API shows it."""
    return message if len(message) <= LONGEST_STATUS_MESSAGE else f"{message[: LONGEST_STATUS_MESSAGE - 1]}…"


def details(ended: dict[str, Any]) -> list[tuple[object, ...]]:
    """Return the containers and nodes of the status details of an execution, as `expected_details` gives them."""
    found = ended.get("statusDetails", {"details": [], "workflow_info": []})
    containers = [(each["container_name"], each["exit_code"], each["message"]) for each in found["details"]]
    nodes = [(each["phase"], each["exit_code"], each["message"]) for each in found["workflow_info"]]
    return [*containers, *nodes]


def expected_details(ending: Ending) -> list[tuple[object, ...]]:
    """Return the containers and nodes of the status details that an ending has: of failures alone."""
    if ending.phase is None:
        return []
    is_of_wait = ending.phase == "Error"
    containers = [
        ("main", ending.main, "" if is_of_wait else ending.message),
        ("wait", ending.wait, ending.message if is_of_wait else ""),
    ]
    node = (ending.phase, "" if ending.main is None else str(ending.main), ending.message)
    return [*(containers if ending.main is not None else []), node]


def test_the_table_names_engines() -> None:
    assert {engine for ending in ENDINGS.values() for engine in ending.instead} <= set(ENGINES)


def test_no_failure_is_completed() -> None:
    """What ended with another code than 0, or never started, is DEAD."""
    assert {ending.status for ending in ENDINGS.values() if ending.main != 0} == {"DEAD"}
