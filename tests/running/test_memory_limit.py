"""A step that takes more memory than its resource plan has, where that limits it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.pods import ArtifactOut
from pytest_aicore.workflows import resource_plans

if TYPE_CHECKING:
    from tests.running.pods_here import Here

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measured from /proc, which Linux has"),
]

TAKE = "import time; x = b'x' * (120 << 20); time.sleep(60)"


@pytest.fixture(autouse=True)
def _small_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `starter` a plan with 64 MiB."""
    monkeypatch.setitem(resource_plans._MEMORY, "starter", 1 / 16)


def test_it_ends_as_out_of_memory(here: Here) -> None:
    here.options["limits_memory"] = True
    out = ArtifactOut("model", "/out/model", "none")
    how = here.py(
        f"print('begins', file=open('/out/model', 'w'), flush=True); {TAKE}", artifacts_out=(out,), empty_dirs=("/out",)
    )
    assert (how.phase, how.exit_code, how.message) == ("Failed", 137, "OOMKilled (exit code 137)")
    assert how.peak_memory is not None
    assert how.peak_memory > 64 << 20
    assert list(how.artifacts) == ["model"]  # the container `wait` saves what is there
    assert how.seconds < 30


def test_all_its_processes_count(of_machine: Here) -> None:
    of_machine.options["limits_memory"] = True
    part = "import time; x = b'x' * (40 << 20); time.sleep(60)"
    how = of_machine.sh(f'python -c "{part}" & python -c "{part}" & wait')
    assert how.message == "OOMKilled (exit code 137)"


def test_less_is_no_reason(here: Here) -> None:
    here.options["limits_memory"] = True
    assert here.py("import time; x = b'x' * (1 << 20); time.sleep(0.2)").phase == "Succeeded"


def test_by_default_it_is_advice(here: Here) -> None:
    how = here.py("import time; x = b'x' * (120 << 20); time.sleep(0.2)")
    assert how.phase == "Succeeded"


def test_a_plan_whose_memory_is_not_known_is_told(here: Here) -> None:
    here.options["limits_memory"] = True
    how = here.py("x = b'x' * (120 << 20)", plan="my.own")
    assert how.phase == "Succeeded"
    assert here.lines == ["pytest-aicore: the memory of the resource plan `my.own` is not known, so it is not limited"]
