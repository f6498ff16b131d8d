"""The text of a first test of each workflow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pytest_aicore.service_facts import DEFAULT_STORE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_aicore.workflows import Template

_WIDTH: Final = 100
_INDENT: Final = "    "
_ANY_VALUE: Final = "1"
"""What is bound to a parameter without a default: a text that is a number as well."""

_DOCSTRING: Final = '''"""Each training completes and leaves its outputs, each deployment runs.

Written by `pytest-aicore init`; change it as you like, and say what a good model is. `pytest` runs these tests
against an emulator of SAP AI Core, `pytest --aicore-local` with the code of the images on this machine,
`pytest --aicore-live` on AI Core.
"""'''


@dataclass(frozen=True)
class FirstTest:
    """A test of one workflow.

    Attributes:
        template: the workflow.
        reference: what the marker calls it.
        data: by input artifact the place of its data in the object store `default`, where that is known.
    """

    template: Template
    reference: str
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the test function; those of different workflows may be equal."""
        word = re.sub(r"\W+", "_", self.template.name).strip("_").lower()
        return f"test_{word}"

    def lines(self, name: str) -> list[str]:
        """Return the lines of the test function, with its marker.

        Args:
            name: what the function is called.
        """
        executable = self.template.executable
        artifacts = {
            artifact.name: f"ai://{DEFAULT_STORE}/{self.data.get(artifact.name, artifact.name)}"
            for artifact in executable.input_artifacts
        }
        parameters = {
            parameter.name: _ANY_VALUE if parameter.default is None else parameter.default
            for parameter in executable.parameters
        }
        unset = [parameter.name for parameter in executable.parameters if parameter.default is None]
        marker = "aicore_deployment" if executable.deployable else "aicore"
        arguments = [
            repr_of(self.reference),
            *_mapping("artifacts", artifacts, ()),
            *_mapping("parameters", parameters, unset),
        ]
        return [*_call(f"@pytest.mark.{marker}", arguments), *self._body(name)]

    def _body(self, name: str) -> list[str]:
        if self.template.executable.deployable:
            return [
                f"def {name}(aicore_deployment):",
                f"{_INDENT}assert aicore_deployment.status is Status.RUNNING",
            ]
        outputs = sorted({output.name for output in self.template.executable.output_artifacts})
        head = f"def {name}(aicore_execution):"
        if not outputs:
            return [head, f"{_INDENT}assert aicore_execution.status is Status.COMPLETED"]
        begin = f"{_INDENT}assert sorted(aicore_execution.output_artifacts) == ["
        line = f"{begin}{', '.join(map(repr_of, outputs))}]"
        if len(line) <= _WIDTH:
            return [head, line]
        return [head, begin, *(f"{_INDENT * 2}{repr_of(output)}," for output in outputs), f"{_INDENT}]"]

    @property
    def needs_status(self) -> bool:
        """Whether the test compares a status."""
        executable = self.template.executable
        return executable.deployable or not executable.output_artifacts


def module_of(tests: Sequence[FirstTest]) -> str:
    """Return the text of a test module.

    Args:
        tests: what is in it.
    """
    imports = ["import pytest"]
    if any(test.needs_status for test in tests):
        imports += ["", "from pytest_aicore import Status"]
    functions = ["\n".join(test.lines(name)) for name, test in named(tests).items()]
    parts = ["\n".join([_DOCSTRING, "", *imports]), *functions]
    return "\n\n\n".join(parts) + "\n"


def named(tests: Sequence[FirstTest]) -> dict[str, FirstTest]:
    """Return tests by the names of their functions, each of which is unique in the module.

    Args:
        tests: those of a module.
    """
    by_name: dict[str, FirstTest] = {}
    for test in tests:
        name, number = test.name, 1
        while name in by_name:
            number += 1
            name = f"{test.name}_{number}"
        by_name[name] = test
    return by_name


def repr_of(text: str) -> str:
    """Return a text as Python code, in double quotes where that needs no escapes.

    Args:
        text: any.
    """
    plain = text.isprintable() and '"' not in text and "\\" not in text
    return f'"{text}"' if plain else repr(text)


def _mapping(name: str, values: Mapping[str, str], unset: Iterable[str]) -> list[str]:
    """Return a keyword argument with a dictionary; values that nobody has set get a comment."""
    if not values:
        return []
    pairs = [f"{repr_of(key)}: {repr_of(value)}" for key, value in values.items()]
    line = f"{name}={{{', '.join(pairs)}}}"
    unset = set(unset)
    if not unset and len(line) + len(_INDENT) < _WIDTH:
        return [line]
    comments = ["  # it has no default: give it a value" if key in unset else "" for key in values]
    inner = [f"{_INDENT}{pair},{comment}" for pair, comment in zip(pairs, comments, strict=True)]
    return ["\n".join([f"{name}={{", *inner, "}"])]


def _call(name: str, arguments: Sequence[str]) -> list[str]:
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= _WIDTH and "\n" not in line:
        return [line]
    inner = [f"{_INDENT}{line}" for argument in arguments for line in f"{argument},".splitlines()]
    return [f"{name}(", *inner, ")"]


__all__ = ["FirstTest", "module_of", "named", "repr_of"]
