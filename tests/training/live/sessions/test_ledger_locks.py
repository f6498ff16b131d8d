"""What only one process may do at a time: two processes meet in the middle of it, and one of them is kept out."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from pytest_aicore.training.live.ledger import FileLedger
from tests.training.live.sessions import contenders

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

FACTS = {"host": "https://h", "resource_group": "default", "workflow": "w.yaml", "time": 1.0}


class Contender:
    """A process that wants something, and says how far it is."""

    def __init__(self, file: Path) -> None:
        command = [sys.executable, contenders.__file__, str(file)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hears(self) -> str:
        """Return what it says next."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def goes_on(self) -> None:
        """Let it go on."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        """Let it go on, and return what it has got; it may have to wait, but never gets inside any more."""
        self.goes_on()
        while not (said := self.hears()).startswith("answer "):
            assert said == "waiting"
            self.goes_on()
        return said.removeprefix("answer ")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_one_process_is_kept_out_while_another_is_at_it(tmp_path: Path) -> None:
    """To claim a stage, to begin a run, to have a workflow checked: each is for one process at a time."""
    ledger = FileLedger(tmp_path / "ledger.jsonl", "one")
    ledger.open()
    ledger.begin("key", **FACTS)
    with ExitStack() as stack:
        both = [stack.enter_context(Contender(ledger.file)) for _ in range(2)]

        def answers() -> tuple[str, str]:
            said = {each.hears(): each for each in both}
            assert sorted(said) == ["inside", "waiting"]
            got = said["inside"].answer(), said["waiting"].answer()
            for each in both:
                each.goes_on()
            ledger.refresh()
            return got

        assert answers() == ("mine", "nothing")
        first, second = answers()
        assert first == second
        assert [each.key for each in ledger.of_session()] == ["key", "another"]
        assert answers() == ("checked", "checked")
    ledger.close(well=True)
