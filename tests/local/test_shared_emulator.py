"""What other processes of a session ask the one that carries its runs out: over HTTP, and only with its token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.emulator.store.records import Configuration, Metrics
from pytest_aicore.errors import RunError
from pytest_aicore.http.exchange import Request
from pytest_aicore.http.loopback import over_loopback
from pytest_aicore.local.choices import LocalChoices
from pytest_aicore.local.shared_emulator import SharedEmulator
from pytest_aicore.local.shared_runs import SharedRuns
from pytest_aicore.workflows import parse_template
from tests.local.laptops import workflow

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.once


@pytest.fixture
def shared() -> Iterator[SharedEmulator]:
    emulator = SharedEmulator(LocalChoices(engine="process"), "default", {})
    yield emulator
    emulator.close()


def test_records_workflows_and_sentences_go_over_http(shared: SharedEmulator) -> None:
    runs = SharedRuns(over_loopback(shared.serve()), shared.token)
    runs.publish(parse_template(workflow("true")))
    assert "tiny" in shared.emulator.state.published
    made = Configuration("c1", 1, "mine", "tiny", "tiny", 5.0, (("WORD", "hé"),), (("data", "a1"),))
    shared.emulator.state.groups["default"].configurations.add(made)
    assert runs.records(["c1", "unknown"]) == [("configurations", made)]
    shared.emulator.report("something is wrong")
    assert (runs.sentences(), runs.sentences()) == (["something is wrong"], [])


def test_a_record_does_not_hide_another_of_its_id(shared: SharedEmulator) -> None:
    """An execution and what the tracking service has of it have the same id."""
    runs = SharedRuns(over_loopback(shared.serve()), shared.token)
    made, logged = Configuration("e1", 1, "mine", "tiny", "tiny", 5.0, (), ()), Metrics("e1", 2, 5.0, 6.0)
    shared.emulator.state.groups["default"].configurations.add(made)
    shared.emulator.state.groups["default"].metrics.add(logged)
    assert runs.records(["e1"]) == [("configurations", made), ("metrics", logged)]


def test_nobody_without_the_token_is_answered(shared: SharedEmulator) -> None:
    """Steps can reach the server as well."""
    url = shared.serve()
    for token in ("", "guessed", "é"):
        answer = over_loopback(url)(Request("POST", "/__session__/sentences", {"aicore-session": token}, b"{}"))
        assert answer.status == 404
    with pytest.raises(RunError, match="does not answer \\(404\\): it may have ended"):
        SharedRuns(over_loopback(url), "guessed").sentences()
    assert over_loopback(url)(Request("GET", "/__aicore__/")).status == 404


def test_an_owner_that_has_ended_is_said(shared: SharedEmulator) -> None:
    url = shared.serve()
    shared.close()
    with pytest.raises(RunError) as caught:
        SharedRuns(over_loopback(url), shared.token).records([])
    assert str(caught.value) == (
        "the process of this session that carries the trainings out does not answer (connection reset): it may have"
        " ended."
    )
