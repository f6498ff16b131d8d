"""How a step finds the tracking service, to which `Tracking()` of SAP's SDK logs."""

from __future__ import annotations

from pytest_aicore.running.engines.relay import TRACKING

_TENANT = "local"
"""Any word would do: the emulator has one tenant."""


def tracking_variables(execution_id: str, group: str, url: str | None) -> dict[str, str]:
    """Return the variables that AI Core gives to each step for that.

    Args:
        execution_id: the id of its execution.
        group: the id of the resource group.
        url: where the service is, None if nobody takes what is logged.
    """
    found = {"AICORE_EXECUTION_ID": execution_id, "AI-RESOURCE-GROUP": group, "AI-MAIN-TENANT": _TENANT}
    return found if url is None else {**found, TRACKING: url}


__all__ = ["tracking_variables"]
