"""What a process of a live session makes, and when."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.training.live.fleet import Fleet
from pytest_aicore.training.live.runs import Live, LiveOptions

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("is_used", [True, False])
def test_fleet_is_made_once_when_it_is_used_and_closed_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_used: bool
) -> None:
    events: list[str] = []
    make, close = Fleet.__init__, Fleet.close

    def made(*how: Any) -> None:
        events.append("made")
        make(*how)

    def closed(fleet: Fleet) -> None:
        events.append("closed")
        close(fleet)

    monkeypatch.setattr(Fleet, "__init__", made)
    monkeypatch.setattr(Fleet, "close", closed)
    options = LiveOptions("default", 1.0, 1, budget=None, reuse=False, keep=False, resumes=False)
    credentials: Any = SimpleNamespace(host="https://h")
    live = Live(options, tmp_path / "ledger.jsonl", "one", lambda: credentials, lambda: None)
    if is_used:
        assert live.fleet is live.fleet
    live.finish("not needed any more")
    assert events == (["made", "closed"] if is_used else [])
