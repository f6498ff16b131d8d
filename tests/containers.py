"""Which engines tests try: containers only where `.ci/run docker` has made the images for them."""

from __future__ import annotations

import os

from pytest_aicore.running.engines.choosing import ENGINES

API = os.environ.get("PYTEST_AICORE_TEST_API", "")
"""The URL of an API of Docker or Podman that has the images of the tests, empty if there is none."""
WHY_NOT = "PYTEST_AICORE_TEST_API names no API of Docker or Podman with the images of the tests: see .ci/run docker"
TRIED = [name for name in ENGINES if name != "docker" or API]
