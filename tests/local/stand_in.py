"""A stand-in for the package of SAP that logs metrics, for images of tests: they ask no package index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

SDK = {
    "ai_core_sdk/__init__.py": "",
    "ai_core_sdk/models.py": """
class Metric:
    def __init__(self, name, value, timestamp, step=None):
        self.json = {"name": name, "value": value, "timestamp": timestamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        if step is not None:
            self.json["step"] = step
""",
    "ai_core_sdk/tracking.py": """
import json, os, urllib.request

class Tracking:
    def log_metrics(self, metrics):
        content = {"executionId": os.environ["AICORE_EXECUTION_ID"], "metrics": [metric.json for metric in metrics]}
        # A shell passes on no variables with a hyphen in their names.
        headers = {name: os.environ[name] for name in ("AI-RESOURCE-GROUP", "AI-MAIN-TENANT") if name in os.environ}
        url = os.environ["AICORE_TRACKING_ENDPOINT"] + "/api/v1/metrics"
        headers["Content-Type"] = "application/json"
        request = urllib.request.Request(url, json.dumps(content).encode(), headers, method="PATCH")
        urllib.request.urlopen(request).close()
""",
}
"""What the code of the examples uses of it, with the same requests."""


def without_index(folder: Path) -> dict[str, str]:
    """Return variables with which images get the stand-in, and are kept for the next program.

    Args:
        folder: for the package and the images.
    """
    wheel(folder, "sap_ai_sdk_core", SDK)
    links = {name: str(folder) for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS")}
    return {**links, "PIP_NO_INDEX": "1", "UV_NO_INDEX": "1", "PYTEST_AICORE_CACHE_DIR": str(folder / "cache")}
