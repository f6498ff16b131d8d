"""The hooks of a workflow, step or task that run beside it, each as soon as its expression holds.

Source: argo-workflows 3.5, workflow/controller/hooks.go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pytest_aicore.running.walking.substituting import condition
from pytest_aicore.running.walking.values import Plain, Scope, ValueProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

EXIT = "exit"
"""The hook that runs at the end; it needs no expression."""


class Hooks:
    """The hooks of a workflow, step or task, without the one at its end. Each runs at most once.

    Args:
        owner: what has `hooks`.
        carry_out: carries a hook out to its end; how it ends changes nothing.

    Attributes:
        problem: why an expression could not be evaluated, empty if all could.
    """

    def __init__(self, owner: Plain, carry_out: Callable[[str, Plain], Coroutine[Any, Any, None]]) -> None:
        self.problem = ""
        self._waiting = {name: hook for name, hook in (owner.get("hooks") or {}).items() if name != EXIT}
        self._carry_out = carry_out
        self._running: list[asyncio.Task[None]] = []

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._waiting or self._running)

    def look(self, scope: Scope) -> None:
        """Start the hooks whose expressions hold now.

        Args:
            scope: what they may name.
        """
        for name, hook in list(self._waiting.items()):
            try:
                if not condition(str(hook.get("expression")), scope):
                    continue
            except ValueProblem as problem:
                self.problem = self.problem or str(problem)
                continue
            del self._waiting[name]
            self._running.append(asyncio.ensure_future(self._carry_out(name, hook)))

    async def ended(self) -> None:
        """Return when those have ended that were started: the flow waits for them."""
        await asyncio.gather(*self._running)


__all__ = ["EXIT", "Hooks"]
