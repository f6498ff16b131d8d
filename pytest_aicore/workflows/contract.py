"""The executable that a workflow publishes, frozen, and what a change of it does to configurations that exist.

A configuration binds by name what the executable declares, is immutable, and outlives every change of the template
(documentation, pages "Configuration" and "Workflow Templates"). So some changes break configurations that nobody
touched. `compare` says which ones, and why.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.errors import ContractError, did_you_mean
from pytest_aicore.redact import redact
from pytest_aicore.workflows.executable import (
    DEFAULT_OUTPUT_KIND,
    VERSION_LABEL,
    Artifact,
    Executable,
    OutputArtifact,
    Parameter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

FORMAT: Final = 1
"""The version of the format of golden contracts. It changes when a contract says something else, not something more."""


class Impact(IntEnum):
    """What a difference does to configurations that exist; a larger one is worse."""

    COMPATIBLE = 1
    NEEDS_VERSION = 2
    BREAKING = 3

    @property
    def words(self) -> str:
        """The impact as tables and messages say it."""
        return _IMPACT_WORDS[self]


_IMPACT_WORDS: Final = {
    Impact.COMPATIBLE: "compatible",
    Impact.NEEDS_VERSION: "needs a new version label",
    Impact.BREAKING: "breaking",
}


@dataclass(frozen=True, slots=True)
class Contract:
    """What an executable promises to whoever configures it.

    Attributes:
        terms: the executable, reduced to what is promised: sorted, images without tag and digest.
        silent: the parts of which the source says nothing, so that they cannot be compared: `scenario` (its name and
            description), `optional` (inputs), `registered` (name and suffix of outputs), `plans`, `images`.
    """

    terms: Executable
    silent: frozenset[str] = frozenset()


SERVICE_IS_SILENT_ABOUT: Final = frozenset({"scenario", "optional", "registered", "plans", "images"})
"""What the AI API does not show of an executable (AiExecutable in SAP's OpenAPI 2.42.0)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two contracts do not agree on.

    Attributes:
        impact: what it does to configurations that exist.
        section: which part of the contract: `executable`, `scenario`, `version`, `parameters`, `inputs`, `outputs`,
            `plans` or `images`.
        name: the parameter, artifact, plan or image; the field for the other sections.
        what: what is different, a clause without a full stop.
        consequence: which existing configurations stop working, or work differently, and why; empty if none does.
        excusable: whether a new version label makes it acceptable.
        renamed: under which name it probably lives on.
    """

    impact: Impact
    section: str
    name: str
    what: str
    consequence: str = ""
    excusable: bool = True
    renamed: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of a contract.

    Attributes:
        old: what was promised: the golden file, an older revision, or what the service has synced.
        new: what the workflow promises now.
        differences: between them, the worst first.
    """

    old: Contract
    new: Contract
    differences: tuple[Difference, ...]

    @property
    def impact(self) -> Impact | None:
        """The worst impact, None without a difference."""
        return max((difference.impact for difference in self.differences), default=None)

    @property
    def has_new_version(self) -> bool:
        """Whether the workflow has another version label than before."""
        new = self.new.terms.version_id
        return new is not None and new != self.old.terms.version_id

    @property
    def failing(self) -> tuple[Difference, ...]:
        """What must not be published like this: worse than compatible, and without a new version label."""
        return tuple(
            difference
            for difference in self.differences
            if difference.impact > Impact.COMPATIBLE and not (self.has_new_version and difference.excusable)
        )

    @property
    def acceptable(self) -> bool:
        """Whether the workflow may be published like this."""
        return not self.failing

    @property
    def version(self) -> str:
        """What happened to the version label, a few words."""
        old, new = self.old.terms.version_id, self.new.terms.version_id
        if old == new:
            return f"version {_quoted(new)}, unchanged"
        return f"version {_quoted(old)} -> {_quoted(new)}"

    def table(self) -> list[str]:
        """Return the differences as plain lines, each with its impact and its consequence."""
        head = f"executable {self.new.terms.id!r}, {self.version}"
        if not self.differences:
            return [f"{head}: no difference"]
        width = max(len(difference.impact.words) for difference in self.differences)
        lines = [head]
        for difference in self.differences:
            lines.append(f"  {difference.impact.words:<{width}}  {difference.what}")
            if difference.consequence:
                lines.append(f"  {'':<{width}}  {difference.consequence}")
        return [redact(line) for line in lines]


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


_PLACEHOLDER: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def without_tag(image: str) -> str:
    """Return an image reference without tag and digest; the port of a registry stays.

    Args:
        image: for example `docker.io:443/example/train:1.0@sha256:...`; placeholders may stand anywhere.
    """
    # A colon or slash inside of a placeholder separates nothing.
    shape = _PLACEHOLDER.sub(lambda found: "x" * len(found.group()), image)
    end = len(shape.partition("@")[0])
    colon = shape.rfind(":", shape.rfind("/", 0, end) + 1, end)
    return image[: colon if colon != -1 else end]


def contract_of_service(answer: object) -> Contract:
    """Return what an executable promises that the service shows.

    Args:
        answer: the executable as an object of the SDK, or as the JSON of the AI API.

    Raises:
        ContractError: it is no executable.
    """
    executable_id = _field(answer, "id")
    if not isinstance(executable_id, str):
        raise ContractError(f"The service's answer is no executable: it has no `id` ({type(answer).__name__}).")
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


def compare_with_service(executable: Executable, answer: object) -> Comparison:
    """Return what would become of the executable that the service has synced, if this one were published.

    Args:
        executable: of the local template.
        answer: the service's executable, as an object of the SDK or as the JSON of the AI API.

    Raises:
        ContractError: the answer is no executable.
    """
    return compare(contract_of_service(answer), contract_of(executable))


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
    # Half a surrogate pair, which an escape in YAML can write, has no UTF-8.
    return (text if _encodable(text) else json.dumps(content, indent=2)) + "\n"


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def parse_contract(text: str, name: str) -> Contract:
    """Return the contract that the text of a golden file holds.

    Args:
        text: what `dump` wrote.
        name: what messages call the file.

    Raises:
        ContractError: it is no contract; the message says where and what to do.
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
REMEDY: Final = "Restore it from git, or write it anew: pytest --aicore-check --aicore-update"


class _Reader:
    """Reads the parts of a golden file, and says in which one something is wrong."""

    def __init__(self, name: str) -> None:
        self._name = name

    def error(self, what: str, place: str = "", hint: str = "") -> ContractError:
        return ContractError(f"{self._name}{place}: This is no golden contract: {what}.{hint}\n{REMEDY}")

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


# --- differences --------------------------------------------------------------------------------------------


def compare(old: Contract, new: Contract) -> Comparison:
    """Return what became of a contract, each difference with what it does to configurations that exist.

    Args:
        old: what was promised.
        new: what is promised now.
    """
    comparing = _Comparing(old.terms, new.terms, old.silent | new.silent)
    found = sorted(comparing.differences(), key=lambda difference: -difference.impact)
    return Comparison(old, new, tuple(found))


_BY_NAME: Final = "AI Core binds by name, and nothing has that name any more"


class _Comparing:
    """Two executables, and the differences between them part by part."""

    def __init__(self, old: Executable, new: Executable, silent: frozenset[str]) -> None:
        self._old = old
        self._new = new
        self._silent = silent
        self._runs = "deployments" if old.deployable else "executions"
        self._fail = f"their {self._runs} end DEAD or stay PENDING"

    def differences(self) -> Iterator[Difference]:
        yield from self._identity()
        yield from self._parameters()
        yield from self._inputs()
        yield from self._outputs()
        if "plans" not in self._silent:
            yield from self._pods("plans", "resource plan", self._old.resource_plans, self._new.resource_plans)
        if "images" not in self._silent:
            yield from self._pods("images", "image", self._old.images, self._new.images)
        yield from self._words()

    def _identity(self) -> Iterator[Difference]:
        old, new = self._old, self._new
        if old.id != new.id:
            yield Difference(
                Impact.BREAKING,
                "executable",
                "id",
                f"executable id changed from {old.id!r} to {new.id!r}",
                f"Every configuration of {old.id!r} stops working: AI Core finds no executable of that id any more.",
            )
        if old.scenario_id != new.scenario_id:
            yield Difference(
                Impact.BREAKING,
                "scenario",
                "id",
                f"scenario id changed from {_quoted(old.scenario_id)} to {_quoted(new.scenario_id)}",
                f"Every configuration of scenario {_quoted(old.scenario_id)} stops working: AI Core finds no executable"
                f" {old.id!r} in it any more.",
            )
        if old.deployable != new.deployable:
            yield Difference(
                Impact.BREAKING,
                "executable",
                "deployable",
                f"{_kind(old)} became a {_kind(new)}",
                f"Every configuration stops working: it was made for {self._runs}, and none can be started any more.",
            )
        if old.version_id != new.version_id:
            if new.version_id is None:
                yield Difference(
                    Impact.BREAKING,
                    "version",
                    "id",
                    f"version {old.version_id!r} removed",
                    f"Every configuration stops working: without the label {VERSION_LABEL} AI Core publishes nothing.",
                    excusable=False,
                )
            else:
                yield Difference(
                    Impact.COMPATIBLE,
                    "version",
                    "id",
                    f"version changed from {_quoted(old.version_id)} to {new.version_id!r}",
                )

    def _parameters(self) -> Iterator[Difference]:
        old = {parameter.name: parameter for parameter in self._old.parameters}
        new = {parameter.name: parameter for parameter in self._new.parameters}
        added = [parameter for name, parameter in new.items() if name not in old]
        for name, before in old.items():
            after = new.get(name)
            if after is None:
                yield self._gone("parameters", "parameter", before, added, lambda p: (p.default, p.description))
            else:
                yield from self._default(before, after)
                yield from self._described("parameters", f"parameter {name!r}", before, after)
        for parameter in added:
            name = parameter.name
            if parameter.required:
                yield Difference(
                    Impact.BREAKING,
                    "parameters",
                    name,
                    f"parameter {name!r} added, without a default",
                    f"All existing configurations stop working: none binds {name!r}, so {self._fail}.",
                )
            else:
                yield Difference(
                    Impact.COMPATIBLE,
                    "parameters",
                    name,
                    f"parameter {name!r} added, default {parameter.default!r}",
                )

    def _default(self, before: Parameter, after: Parameter) -> Iterator[Difference]:
        name = before.name
        if before.default == after.default:
            return
        if after.default is None:
            yield Difference(
                Impact.BREAKING,
                "parameters",
                name,
                f"parameter {name!r}: default {before.default!r} removed",
                f"Configurations that do not bind {name!r} stop working: it has no value for them, so {self._fail}.",
            )
        elif before.default is None:
            yield Difference(
                Impact.COMPATIBLE, "parameters", name, f"parameter {name!r}: default {after.default!r} added"
            )
        else:
            yield Difference(
                Impact.NEEDS_VERSION,
                "parameters",
                name,
                f"parameter {name!r}: default changed from {before.default!r} to {after.default!r}",
                f"Configurations that do not bind {name!r} run with another value than before.",
            )

    def _gone(
        self, section: str, word: str, before: Any, added: Sequence[Any], alike: Callable[[Any], object]
    ) -> Difference:
        renamed = _renamed(before, added, alike)
        return Difference(
            Impact.BREAKING,
            section,
            before.name,
            f"{word} {before.name!r} removed" + (f" (renamed to {renamed!r}?)" if renamed else ""),
            f"Configurations that bind {before.name!r} stop working: {_BY_NAME}, so {self._fail}.",
            renamed=renamed,
        )

    def _inputs(self) -> Iterator[Difference]:
        old = {artifact.name: artifact for artifact in self._old.input_artifacts}
        new = {artifact.name: artifact for artifact in self._new.input_artifacts}
        added = [artifact for name, artifact in new.items() if name not in old]
        for name, before in old.items():
            after = new.get(name)
            if after is None:
                yield self._gone("inputs", "input", before, added, lambda a: (a.kind, a.description))
                continue
            if "optional" not in self._silent and before.optional != after.optional:
                yield self._optional(name, now=after.optional)
            if before.kind != after.kind:
                clash = before.kind is not None and after.kind is not None
                yield Difference(
                    Impact.NEEDS_VERSION if clash else Impact.COMPATIBLE,
                    "inputs",
                    name,
                    f"input {name!r}: kind changed from {_quoted(before.kind)} to {_quoted(after.kind)}",
                    f"Existing configurations bind artifacts of kind {_quoted(before.kind)} to it." if clash else "",
                )
            yield from self._described("inputs", f"input {name!r}", before, after)
        for artifact in added:
            if artifact.optional:
                yield Difference(Impact.COMPATIBLE, "inputs", artifact.name, f"input {artifact.name!r} added, optional")
            else:
                yield Difference(
                    Impact.BREAKING,
                    "inputs",
                    artifact.name,
                    f"input {artifact.name!r} added",
                    f"All existing configurations stop working: none binds an artifact to {artifact.name!r}, so"
                    f" {self._fail}.",
                )

    def _optional(self, name: str, *, now: bool) -> Difference:
        if now:
            return Difference(Impact.COMPATIBLE, "inputs", name, f"input {name!r} became optional")
        return Difference(
            Impact.BREAKING,
            "inputs",
            name,
            f"input {name!r} is not optional any more",
            f"Configurations that bind no artifact to {name!r} stop working: {self._fail}.",
        )

    def _outputs(self) -> Iterator[Difference]:
        old = {artifact.name: artifact for artifact in self._old.output_artifacts}
        new = {artifact.name: artifact for artifact in self._new.output_artifacts}
        added = [artifact for name, artifact in new.items() if name not in old]
        for name, before in old.items():
            after = new.get(name)
            if after is None:
                renamed = _renamed(before, added, lambda a: (a.kind, a.description))
                yield Difference(
                    Impact.BREAKING,
                    "outputs",
                    name,
                    f"output {name!r} removed" + (f" (renamed to {renamed!r}?)" if renamed else ""),
                    f"Configurations that bind {name!r} of a completed execution as their input get no new one:"
                    " it is not registered any more.",
                    renamed=renamed,
                )
                continue
            yield from self._registered(name, before, after)
            yield from self._described("outputs", f"output {name!r}", before, after)
        for artifact in added:
            yield Difference(
                Impact.NEEDS_VERSION,
                "outputs",
                artifact.name,
                f"output {artifact.name!r} added",
                "Executions of existing configurations store and register one more artifact.",
            )

    def _registered(self, name: str, before: OutputArtifact, after: OutputArtifact) -> Iterator[Difference]:
        if before.kind != after.kind:
            yield Difference(
                Impact.NEEDS_VERSION,
                "outputs",
                name,
                f"output {name!r}: kind changed from {before.kind!r} to {after.kind!r}",
                f"Who looks for artifacts of kind {before.kind!r} does not find it any more.",
            )
        if "registered" in self._silent:
            return
        if before.registered_name != after.registered_name:
            yield Difference(
                Impact.NEEDS_VERSION,
                "outputs",
                name,
                f"output {name!r}: registered name changed from {before.registered_name!r}"
                f" to {after.registered_name!r}",
                f"Who looks for artifacts of the name {before.registered_name!r} does not find it any more.",
            )
        if before.suffix != after.suffix:
            yield Difference(
                Impact.NEEDS_VERSION,
                "outputs",
                name,
                f"output {name!r}: suffix changed from {_quoted(before.suffix)} to {_quoted(after.suffix)}",
                "It lies under another name on the object store.",
            )

    def _pods(self, section: str, word: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Difference]:
        if before == after:
            return
        consequence = f"{self._runs.capitalize()} of existing configurations " + (
            "run other code." if section == "images" else "run, and are billed, on other machines."
        )
        removed = [name for name in before if name not in after]
        added = [name for name in after if name not in before]
        if len(removed) == len(added) == 1:
            yield Difference(
                Impact.NEEDS_VERSION,
                section,
                added[0],
                f"{word} changed from {removed[0]!r} to {added[0]!r}",
                consequence,
            )
            return
        for name, verb in [*((name, "removed") for name in removed), *((name, "added") for name in added)]:
            yield Difference(Impact.NEEDS_VERSION, section, name, f"{word} {name!r} {verb}", consequence)

    def _words(self) -> Iterator[Difference]:
        pairs: list[tuple[str, str, str | None, str | None]] = [
            ("executable", "name", self._old.name, self._new.name),
            ("executable", "description", self._old.description, self._new.description),
        ]
        if "scenario" not in self._silent:
            pairs += [
                ("scenario", "name", self._old.scenario_name, self._new.scenario_name),
                ("scenario", "description", self._old.scenario_description, self._new.scenario_description),
            ]
        for section, field, before, after in pairs:
            if (before or None) != (after or None):
                yield Difference(
                    Impact.COMPATIBLE,
                    section,
                    field,
                    f"{section} {field} changed from {_quoted(before)} to {_quoted(after)}",
                )

    def _described(self, section: str, subject: str, before: Any, after: Any) -> Iterator[Difference]:
        if (before.description or None) != (after.description or None):
            yield Difference(
                Impact.COMPATIBLE,
                section,
                before.name,
                f"{subject}: description changed from {_quoted(before.description)} to {_quoted(after.description)}",
            )


def _renamed(before: Any, added: Iterable[Any], alike: Callable[[Any], object]) -> str | None:
    """Return the name under which something probably lives on: a near one, or one that says the same of itself."""
    added = list(added)
    twins = [one.name for one in added if one.description and one.description == before.description]
    if len(twins) == 1:
        return str(twins[0])
    near = did_you_mean(before.name, [one.name for one in added])
    if near:
        return next((str(one.name) for one in added if f"{one.name!r}" in near), None)
    return str(added[0].name) if len(added) == 1 and alike(added[0]) == alike(before) else None


def _kind(executable: Executable) -> str:
    return "ServingTemplate" if executable.deployable else "WorkflowTemplate"


def _quoted(text: str | None) -> str:
    return "none" if text is None else repr(text)


__all__ = [
    "FORMAT",
    "Comparison",
    "Contract",
    "Difference",
    "Impact",
    "compare",
    "compare_with_service",
    "contract_of",
    "contract_of_service",
    "dump",
    "parse_contract",
    "without_tag",
]
