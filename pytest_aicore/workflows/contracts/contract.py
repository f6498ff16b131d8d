"""The executable that a workflow publishes, frozen: its interface for configurations.

A contract comes from a template, from the service, or from a golden file; `comparison` compares two.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.errors import ContractError, did_you_mean
from pytest_aicore.printable import printable
from pytest_aicore.workflows.argo.tags import without_tags
from pytest_aicore.workflows.executable import (
    DEFAULT_OUTPUT_KIND,
    Artifact,
    Executable,
    OutputArtifact,
    Parameter,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FORMAT: Final = 1
"""The version of the format of golden contracts. It changes when a field's meaning does, not for a new field."""


@dataclass(frozen=True, slots=True)
class Contract:
    """The interface of an executable for configurations.

    Attributes:
        terms: the executable, reduced to its interface: sorted, images without tag and digest.
        silent: the parts that the source does not show, so that they cannot be compared: `scenario` (its name and
            description), `optional` (inputs), `registered` (name and suffix of outputs), `plans`, `images`.
    """

    terms: Executable
    silent: frozenset[str] = frozenset()


SERVICE_IS_SILENT_ABOUT: Final = frozenset({"scenario", "optional", "registered", "plans", "images"})
"""The parts of an executable that the AI API does not show (AiExecutable in SAP's OpenAPI 2.42.0)."""


# --- from executables to contracts --------------------------------------------------------------------------


def contract_of(executable: Executable) -> Contract:
    """Return what an executable promises.

    Args:
        executable: of a template.
    """
    return Contract(
        Executable(
            id=executable.id,
            name=executable.name,
            description=executable.description,
            scenario_id=executable.scenario_id,
            scenario_name=executable.scenario_name,
            scenario_description=executable.scenario_description,
            version_id=executable.version_id,
            deployable=executable.deployable,
            parameters=tuple(sorted(executable.parameters, key=lambda parameter: parameter.name)),
            input_artifacts=tuple(
                Artifact(artifact.name, artifact.kind, artifact.description, optional=artifact.optional)
                for artifact in sorted(executable.input_artifacts, key=lambda artifact: artifact.name)
            ),
            output_artifacts=tuple(
                OutputArtifact(
                    artifact.name,
                    artifact.kind,
                    artifact.description,
                    registered_name=artifact.registered_name or artifact.name,
                    suffix=artifact.suffix,
                )
                for artifact in sorted(executable.output_artifacts, key=lambda artifact: artifact.name)
            ),
            resource_plans=tuple(sorted(set(executable.resource_plans))),
            images=tuple(sorted({without_tag(image) for image in executable.images})),
        )
    )


def without_tag(image: str) -> str:
    """Return an image reference without tag and digest; the port of a registry stays.

    Args:
        image: for example `docker.io:443/example/train:1.0@sha256:...`; placeholders may stand anywhere.
    """
    # A colon or slash inside of a placeholder separates nothing.
    shape = without_tags(image, "x")
    end = len(shape.partition("@")[0])
    colon = shape.rfind(":", shape.rfind("/", 0, end) + 1, end)
    return image[: colon if colon != -1 else end]


def contract_of_service(answer: object) -> Contract:
    """Return what an executable promises that the service shows.

    Args:
        answer: the executable as an object of the SDK, or as the JSON of the AI API.

    Raises:
        ContractError: it is not an executable.
    """
    executable_id = _field(answer, "id")
    if not isinstance(executable_id, str):
        raise ContractError(
            f"The answer of the service is not an executable: it has no `id` ({type(answer).__name__})."
        )
    executable = Executable(
        id=executable_id,
        name=_text_field(answer, "name"),
        description=_text_field(answer, "description"),
        scenario_id=_text_field(answer, "scenario_id"),
        version_id=_text_field(answer, "version_id"),
        deployable=bool(_field(answer, "deployable")),
        parameters=tuple(
            Parameter(name, _default_field(item), _text_field(item, "description"))
            for name, item in _named(_field(answer, "parameters"))
        ),
        input_artifacts=tuple(
            Artifact(name, _text_field(item, "kind"), _text_field(item, "description"))
            for name, item in _named(_field(answer, "input_artifacts"))
        ),
        output_artifacts=tuple(
            # 2021's service showed no kind where it was the default (documentation, page "List Executables").
            OutputArtifact(name, _text_field(item, "kind") or DEFAULT_OUTPUT_KIND, _text_field(item, "description"))
            for name, item in _named(_field(answer, "output_artifacts"))
        ),
    )
    return Contract(contract_of(executable).terms, SERVICE_IS_SILENT_ABOUT)


def _field(answer: object, name: str) -> object:
    if not isinstance(answer, dict):
        return getattr(answer, name, None)
    head, *tail = name.split("_")
    return answer.get(head + "".join(word.capitalize() for word in tail), answer.get(name))


def _text_field(answer: object, name: str) -> str | None:
    value = _field(answer, name)
    value = getattr(value, "value", value)  # the SDK has enumerations for some words
    return value if isinstance(value, str) and value else None


def _default_field(answer: object) -> str | None:
    value = _field(answer, "default")  # an empty default is one
    return value if isinstance(value, str) else None


def _named(items: object) -> Iterator[tuple[str, object]]:
    for item in items if isinstance(items, (list, tuple)) else ():
        name = _field(item, "name")
        if isinstance(name, str):
            yield name, item


# --- golden contracts as text -------------------------------------------------------------------------------


def dump(contract: Contract) -> str:
    """Return a contract as the text of its golden file: JSON, one fact a line, always in the same order.

    Args:
        contract: of a template; one of the service lacks too much to be golden.
    """
    terms = contract.terms
    content: dict[str, object] = {
        "contract": FORMAT,
        "scenario": _given(id=terms.scenario_id, name=terms.scenario_name, description=terms.scenario_description),
        "executable": _given(id=terms.id, name=terms.name, description=terms.description),
        "version": terms.version_id,
        "deployable": terms.deployable,
        "parameters": {
            # Without a default the null says what matters: a configuration has to bind a value.
            parameter.name: {"default": parameter.default, **_given(description=parameter.description)}
            for parameter in terms.parameters
        },
        "inputs": {
            artifact.name: _given(
                kind=artifact.kind, description=artifact.description, optional=artifact.optional or None
            )
            for artifact in terms.input_artifacts
        },
        "outputs": {
            artifact.name: _given(
                kind=artifact.kind,
                name=artifact.registered_name if artifact.registered_name != artifact.name else None,
                suffix=artifact.suffix,
                description=artifact.description,
            )
            for artifact in terms.output_artifacts
        },
        "resourcePlans": list(terms.resource_plans),
        "images": list(terms.images),
    }
    text = json.dumps(content, indent=2, ensure_ascii=False)
    # A person decides by what is seen; half a surrogate pair, which an escape in YAML can write, has no UTF-8.
    return (text if printable(text) == text else json.dumps(content, indent=2)) + "\n"


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def parse_contract(text: str, name: str) -> Contract:
    """Return the contract that the text of a golden file holds.

    Args:
        text: what `dump` wrote.
        name: what messages call the file.

    Raises:
        ContractError: it is not a contract; the message has the place and the remedy.
    """
    reader = _Reader(name)
    content = reader.content(text)
    reader.known(content, "", _KEYS)
    if content.get("contract") != FORMAT:
        raise reader.error(f"`contract` is {content.get('contract')!r}; this version reads format {FORMAT}")
    scenario = reader.mapping(content, "scenario", "id", "name", "description")
    executable = reader.mapping(content, "executable", "id", "name", "description")
    executable_id = reader.text(executable, "executable", "id")
    if not executable_id:
        raise reader.error("`executable` has no `id`")
    if "version" not in content:
        # Else the workflow's own label would pass for a new one, which excuses whatever breaks.
        raise reader.error("it has no `version`")
    deployable = content.get("deployable")
    if not isinstance(deployable, bool):
        raise reader.error("`deployable` is not true or false")
    return contract_of(
        Executable(
            id=executable_id,
            name=reader.text(executable, "executable", "name"),
            description=reader.text(executable, "executable", "description"),
            scenario_id=reader.text(scenario, "scenario", "id"),
            scenario_name=reader.text(scenario, "scenario", "name"),
            scenario_description=reader.text(scenario, "scenario", "description"),
            version_id=reader.text(content, "", "version"),
            deployable=deployable,
            parameters=tuple(
                Parameter(name, reader.text(item, where, "default"), reader.text(item, where, "description"))
                for name, item, where in reader.items(content, "parameters", "default", "description")
            ),
            input_artifacts=tuple(
                Artifact(
                    name,
                    reader.text(item, where, "kind"),
                    reader.text(item, where, "description"),
                    optional=item.get("optional") is True,
                )
                for name, item, where in reader.items(content, "inputs", "kind", "description", "optional")
            ),
            output_artifacts=tuple(
                OutputArtifact(
                    name,
                    reader.text(item, where, "kind") or DEFAULT_OUTPUT_KIND,
                    reader.text(item, where, "description"),
                    registered_name=reader.text(item, where, "name") or name,
                    suffix=reader.text(item, where, "suffix"),
                )
                for name, item, where in reader.items(content, "outputs", "kind", "name", "suffix", "description")
            ),
            resource_plans=reader.texts(content, "resourcePlans"),
            images=reader.texts(content, "images"),
        )
    )


_KEYS: Final = (
    "contract",
    "scenario",
    "executable",
    "version",
    "deployable",
    "parameters",
    "inputs",
    "outputs",
    "resourcePlans",
    "images",
)
REMEDY: Final = "Restore it from git, or update it: pytest --aicore-check --aicore-update"


class _Reader:
    """Reads the parts of a golden file, and says in which one something is wrong."""

    def __init__(self, name: str) -> None:
        self._name = name

    def error(self, what: str, place: str = "", hint: str = "") -> ContractError:
        return ContractError(f"{self._name}{place}: This is not a golden contract: {what}.{hint}\n{REMEDY}")

    def content(self, text: str) -> dict[str, Any]:
        try:
            content = json.loads(text, object_pairs_hook=self._object)
        except json.JSONDecodeError as error:
            line = text.splitlines()[error.lineno - 1 : error.lineno]
            what = f"JSON does not allow what stands here ({error.msg})"
            if line and line[0].startswith(("<<<<<<<", "=======", ">>>>>>>")):
                what = "a merge of git left a conflict here"
            raise self.error(what, f":{error.lineno}:{error.colno}") from None
        except RecursionError:
            raise self.error("it is nested too deeply") from None
        if not isinstance(content, dict):
            raise self.error("it is not a JSON object")
        return content

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise self.error(f"an object has the key {twice!r} twice")
        return content

    def known(self, mapping: Mapping[str, object], where: str, keys: Sequence[str]) -> None:
        for key in mapping:
            if key not in keys:
                inside = f"`{where}`" if where else "it"
                raise self.error(f"{inside} has an unknown key {key!r}", hint=did_you_mean(key, keys))

    def mapping(self, content: Mapping[str, object], key: str, *keys: str) -> dict[str, Any]:
        value = content.get(key)
        if not isinstance(value, dict):
            raise self.error(f"`{key}` is not an object")
        if keys:
            self.known(value, key, keys)
        return value

    def items(self, content: Mapping[str, object], key: str, *keys: str) -> Iterator[tuple[str, dict[str, Any], str]]:
        for name, item in self.mapping(content, key).items():
            where = f"{key}.{name}"
            if not isinstance(item, dict):
                raise self.error(f"`{where}` is not an object")
            self.known(item, where, keys)
            yield name, item, where

    def text(self, mapping: Mapping[str, object], where: str, key: str) -> str | None:
        value = mapping.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(f"`{f'{where}.{key}' if where else key}` is not a string")
        return value

    def texts(self, content: Mapping[str, object], key: str) -> tuple[str, ...]:
        value = content.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"`{key}` is not a list of strings")
        return tuple(value)
