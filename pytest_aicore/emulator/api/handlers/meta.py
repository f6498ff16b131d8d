"""Capabilities, versions and health of the AI API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.http.exchange import json_response

if TYPE_CHECKING:
    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.http.exchange import Response

AI_API_VERSION = "2.42.0"
"""Assumed: the version of the specification that the emulator follows."""


def get(call: ApiCall) -> Response:  # noqa: ARG001
    """Show the capabilities and limits (documentation; `bulkUpdates` as SAP's own tests expect it)."""
    return json_response(
        200,
        {
            "aiApi": {
                "capabilities": {
                    "bulkUpdates": {"deployments": True, "executions": True},
                    "executionSchedules": True,
                    "logs": {"deployments": True, "executions": True},
                    "multitenant": True,
                    "shareable": True,
                    "staticDeployments": True,
                    "timeToLiveDeployments": True,
                    "userDeployments": True,
                    "userExecutions": True,
                },
                "limits": {
                    "deployments": {"maxRunningCount": -1},
                    "executions": {"maxRunningCount": -1},
                    "minimumFrequencyHour": 1,
                    "timeToLiveDeployments": {"maximum": "-1", "minimum": "10m"},
                },
                "version": AI_API_VERSION,
            },
            "extensions": {
                "analytics": {"version": "1.0.0"},
                "metrics": {"capabilities": {"extendedResults": True}, "version": "1.0.0"},
                "resourceGroups": {"version": "1.2.0"},
            },
            "runtimeApiVersion": AI_API_VERSION,
            "runtimeIdentifier": "aicore",
        },
    )


def get_versions(call: ApiCall) -> Response:
    """Show the versions of the API (known from the Python SDK only)."""
    return json_response(
        200,
        {
            "versions": [
                {
                    "description": "AI API v2",
                    "url": f"{call.base_url}/v2/lm",
                    "versionId": "v2",
                }
            ]
        },
    )


def healthz(call: ApiCall) -> Response:  # noqa: ARG001
    """Report that the service is ready (known from clients only, the answer from procaine's documentation)."""
    return json_response(200, {"message": "OK", "status": "READY"})
