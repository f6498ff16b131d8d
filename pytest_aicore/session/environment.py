"""The environment in which SAP's own SDK finds credentials, for code under test that builds its own client."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_aicore.processes import Home
from pytest_aicore.redact import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_aicore.training.service.credentials import Credentials


@dataclass(frozen=True)
class Environment:
    """The value of the fixture `aicore_environment`.

    Attributes:
        variables: the environment variables that are set, by name.
        service_key_file: a service key as JSON, readable by this user only and removed after the test.
        foreign: the variables of this machine that are removed, so that they have no effect.
    """

    variables: Mapping[str, str]
    service_key_file: Path
    foreign: tuple[str, ...] = field(repr=False)
    _home: Home = field(repr=False, default_factory=Home)

    def remove(self) -> None:
        """Remove the service key file, unless this is a forked process."""
        if self._home.is_here:
            self.service_key_file.unlink(missing_ok=True)


def make_environment(
    credentials: Credentials,
    resource_group: str,
    folder: Path,
    machine: Mapping[str, str] | None = None,
    *,
    emulated: bool = False,
) -> Environment:
    """Return the environment of some credentials, and write their service key.

    Args:
        credentials: of the emulator, or of the service.
        resource_group: what clients made from the environment use.
        folder: an empty folder of this test's own.
        machine: the current variables; those of this process if left out.
        emulated: whether the hosts are the emulator's, which no proxy can reach.
    """
    names = os.environ if machine is None else machine
    # SKIP_AUTHORIZATION makes newer SDKs send no token at all.
    foreign = tuple(
        name for name in names if name.startswith("AICORE_") or name in ("VCAP_SERVICES", "SKIP_AUTHORIZATION")
    )
    home = folder / "home"
    home.mkdir()
    variables = {
        name: Secret(value) if name in ("AICORE_CLIENT_SECRET", "AICORE_CERT_STR", "AICORE_KEY_STR") else value
        for name, value in credentials.environment().items()
    }
    # An empty home: otherwise the SDK reads a config.json there.
    variables |= {"AICORE_RESOURCE_GROUP": resource_group, "AICORE_HOME": str(home)}
    if emulated:
        variables |= _past_proxies([variables["AICORE_BASE_URL"], variables["AICORE_AUTH_URL"]], names)
    file = folder / "service_key.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(credentials.service_key(), indent=2), encoding="utf-8")
    return Environment(variables, file, foreign)


def _past_proxies(urls: Sequence[str], machine: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep URLs away from the machine's proxies; none if it has none."""
    if not any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in machine):
        return {}
    direct = machine.get("no_proxy") or machine.get("NO_PROXY") or ""
    hosts = dict.fromkeys(str(urlsplit(url).hostname) for url in urls)
    value = ",".join([*filter(None, [direct]), *hosts])
    return {"NO_PROXY": value, "no_proxy": value}
