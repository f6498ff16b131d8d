"""What became of a contract, and what that does to configurations that exist.

A configuration binds by name what the executable declares, is immutable, and outlives every change of the template
(documentation, pages "Configuration" and "Workflow Templates"). So some changes break configurations that nobody
touched. `compare` says which ones, and why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.errors import did_you_mean
from pytest_aicore.redact import redact
from pytest_aicore.workflows.contracts.contract import contract_of, contract_of_service
from pytest_aicore.workflows.executable import SCENARIO_ID_LABEL, VERSION_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pytest_aicore.workflows.contracts.contract import Contract
    from pytest_aicore.workflows.executable import Executable, OutputArtifact, Parameter


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
class Difference:
    """One thing that two contracts do not agree on.

    Attributes:
        impact: what it does to configurations that exist.
        section: which part of the contract: `executable`, `scenario`, `version`, `parameters`, `inputs`, `outputs`,
            `plans` or `images`.
        name: the parameter, artifact, plan or image; the field for the other sections.
        what: what is different, a clause without a full stop.
        consequence: which existing configurations stop working, or work differently, and why; empty if none does.
        excusable: whether a new version label makes it acceptable; for an executable that is gone it cannot.
        renamed: under which name it probably lives on.
        field: what of a parameter or artifact is different, for example `default`; empty if it came or went.
    """

    impact: Impact
    section: str
    name: str
    what: str
    consequence: str = ""
    excusable: bool = True
    renamed: str | None = None
    field: str = ""


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
        """Whether the workflow has another version label than before, and not an older one."""
        new = self.new.terms.version_id
        return new is not None and new != self.old.terms.version_id and not self.has_older_version

    @property
    def has_older_version(self) -> bool:
        """Whether both version labels are numbers with dots, and the workflow's is lower than before."""
        return _is_older(self.new.terms.version_id, self.old.terms.version_id)

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
        return f"version {_quoted(old)} -> {_quoted(new)}{_older(new, old)}"

    def word_of(self, difference: Difference) -> str:
        """Return what a difference is: its impact, but `not new` for a version that is older than before."""
        return "not new" if self.is_older_version(difference) else difference.impact.words

    def is_older_version(self, difference: Difference) -> bool:
        """Tell whether a difference is that of a version label that went back."""
        return difference.section == "version" and self.has_older_version

    def table(self) -> list[str]:
        """Return the differences as plain lines, each with its impact and its consequence."""
        head = f"executable {self.new.terms.id!r}, {self.version}"
        if not self.differences:
            return [f"{head}: no difference"]
        words = [self.word_of(difference) for difference in self.differences]
        width = max(map(len, words))
        lines = [head]
        for word, difference in zip(words, self.differences, strict=True):
            lines.append(f"  {word:<{width}}  {difference.what}")
            if difference.consequence:
                lines.append(f"  {'':<{width}}  {difference.consequence}")
        return [redact(line) for line in lines]


# --- comparing ---------------------------------------------------------------------------------------------


def compare_with_service(executable: Executable, answer: object) -> Comparison:
    """Return what would become of the executable that the service has synced, if this one were published.

    Args:
        executable: of the local template.
        answer: the service's executable, as an object of the SDK or as the JSON of the AI API.

    Raises:
        ContractError: the answer is not an executable.
    """
    return compare(contract_of_service(answer), contract_of(executable))


def compare(old: Contract, new: Contract) -> Comparison:
    """Return what became of a contract, each difference with what it does to configurations that exist.

    Args:
        old: what was promised.
        new: what is promised now.
    """
    comparing = _Comparing(old.terms, new.terms, old.silent | new.silent)
    found = sorted(comparing.differences(), key=lambda difference: -difference.impact)
    return Comparison(old, new, tuple(found))


def _is_older(new: str | None, old: str | None) -> bool:
    """Return whether a version is lower than another; false for versions that are not numbers with dots."""
    releases = [_RELEASE.fullmatch(version or "") for version in (new, old)]
    lower, higher = ([int(number) for number in found[1].split(".")] if found else [] for found in releases)
    return bool(lower and higher) and lower < higher


def _older(new: str | None, old: str | None) -> str:
    return ", which is older" if _is_older(new, old) else ""


_RELEASE: Final = re.compile(r"v?([0-9]{1,9}(?:\.[0-9]{1,9})*)")


_BY_NAME: Final = "AI Core binds by name, and that name no longer exists"


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
                f"Every configuration of {old.id!r} stops working: AI Core has no executable with that id any more.",
                excusable=False,
            )
        if old.scenario_id != new.scenario_id:
            if new.scenario_id is None:
                yield _unpublished("scenario", old.scenario_id, SCENARIO_ID_LABEL)
            else:
                yield Difference(
                    Impact.BREAKING,
                    "scenario",
                    "id",
                    f"scenario id changed from {_quoted(old.scenario_id)} to {new.scenario_id!r}",
                    f"Every configuration of scenario {_quoted(old.scenario_id)} stops working: AI Core finds no"
                    f" executable {old.id!r} in it any more.",
                    excusable=False,
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
                yield _unpublished("version", old.version_id, VERSION_LABEL)
            else:
                yield Difference(
                    Impact.COMPATIBLE,
                    "version",
                    "id",
                    f"version changed from {_quoted(old.version_id)} to {new.version_id!r}"
                    f"{_older(new.version_id, old.version_id)}",
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
                field="default",
            )
        elif before.default is None:
            yield Difference(
                Impact.COMPATIBLE,
                "parameters",
                name,
                f"parameter {name!r}: default {after.default!r} added",
                field="default",
            )
        else:
            yield Difference(
                Impact.NEEDS_VERSION,
                "parameters",
                name,
                f"parameter {name!r}: default changed from {before.default!r} to {after.default!r}",
                f"Configurations that do not bind {name!r} run with another value than before.",
                field="default",
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
                    field="kind",
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
            return Difference(Impact.COMPATIBLE, "inputs", name, f"input {name!r} became optional", field="optional")
        return Difference(
            Impact.BREAKING,
            "inputs",
            name,
            f"input {name!r} is not optional any more",
            f"Configurations that bind no artifact to {name!r} stop working: {self._fail}.",
            field="optional",
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
                f"A search for artifacts of kind {before.kind!r} no longer finds it.",
                field="kind",
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
                f"A search for artifacts of the name {before.registered_name!r} no longer finds it.",
                field="name",
            )
        if before.suffix != after.suffix:
            yield Difference(
                Impact.NEEDS_VERSION,
                "outputs",
                name,
                f"output {name!r}: suffix changed from {_quoted(before.suffix)} to {_quoted(after.suffix)}",
                "It has another name in the object store.",
                field="suffix",
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
                field="description",
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


def _unpublished(section: str, old: str | None, label: str) -> Difference:
    return Difference(
        Impact.BREAKING,
        section,
        "id",
        f"{section} {old!r} removed",
        f"Every configuration stops working: without the label {label} AI Core publishes nothing.",
        excusable=False,
    )


def _kind(executable: Executable) -> str:
    return "ServingTemplate" if executable.deployable else "WorkflowTemplate"


def _quoted(text: str | None) -> str:
    return "none" if text is None else repr(text)
