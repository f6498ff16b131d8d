"""What a step finds in its environment, and what it does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.running.pods_here import Here

pytestmark = pytest.mark.once

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"
SECRETS = {"object-store": {"key": "the-value"}}


def test_nothing_of_the_user(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the user")
    here.options["given"] = {"AICORE_EXECUTION_ID": "e1"}
    here.py(SHOW, env={"EPOCHS": "3"})
    environment = json.loads(here.lines[-1])
    # Python itself adds what it finds out about the locale, the shell where it is, Podman that it is there.
    expected = {"PATH", "HOME", "HOSTNAME", "ARGO_CONTAINER_NAME", "ARGO_INCLUDE_SCRIPT_OUTPUT", "AICORE_EXECUTION_ID"}
    assert set(environment) - {"LC_CTYPE", "PWD"} - (
        {"TERM", "container"} if here.engine.name == "docker" else set()
    ) == {*expected, "EPOCHS"}
    assert environment["HOME"] == "/nonexistent"
    assert environment["HOSTNAME"] == "wf"
    assert (environment["EPOCHS"], environment["AICORE_EXECUTION_ID"]) == ("3", "e1")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("$(A)", "1"),
        ("x$(A)$(B)y", "x12y"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A} $(A", "$A ${A} $(A"),
        ("$(PATH)", "$(PATH)"),  # of the image: Kubernetes does not know it
        ("$(C)", "1-2"),
        ("$(D)", "$(E)"),  # E comes after it
    ],
)
def test_references_to_variables(here: Here, text: str, meaning: str) -> None:
    env = {"A": "1", "B": "2", "C": "$(A)-$(B)", "D": "$(E)", "E": "5"}
    how = here.run("printf", "%s", text, env={**env, "OWN": text})
    assert how.last_lines == (meaning,)


def test_references_in_variables(here: Here) -> None:
    how = here.run("printenv", "URL", env={"HOST": "h", "URL": "http://$(HOST)/$$(HOST)"})
    assert how.last_lines == ("http://h/$(HOST)",)


def test_a_secret(here: Here) -> None:
    here.options["secrets"] = SECRETS
    how = here.sh('test "$KEY" = the-value', secrets={"KEY": ("object-store", "key", False)})
    assert how.phase == "Succeeded"


NO_SECRET = 'CreateContainerConfigError: secret "objectstore" not found. Known secrets: object-store.'
NO_KEY = 'CreateContainerConfigError: couldn\'t find key token in Secret "object-store". Known keys: key.'


@pytest.mark.parametrize(
    ("name", "key", "message"),
    [("objectstore", "key", f"{NO_SECRET} Did you mean 'object-store'?"), ("object-store", "token", NO_KEY)],
)
def test_a_missing_secret(here: Here, name: str, key: str, message: str) -> None:
    here.options["secrets"] = SECRETS
    how = here.sh("true", secrets={"KEY": (name, key, False)})
    assert (how.phase, how.exit_code, how.message) == ("Error", None, message)


def test_a_missing_secret_that_is_optional(here: Here) -> None:
    assert here.sh("test -z ${KEY+set}", secrets={"KEY": ("gone", "key", True)}).phase == "Succeeded"


def test_a_variable_that_no_system_can_hold(here: Here) -> None:
    how = here.sh("true", env={"A": "x\0y"})
    assert (how.phase, how.exit_code) == ("Error", None)
    assert how.message == "a command, argument or variable contains a NUL character, which no program can be given"
