"""A folder of workflow YAML files, read the way AI Core's Git synchronisation reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_aicore.echo import shown
from pytest_aicore.errors import WorkflowError, did_you_mean, listing
from pytest_aicore.service_facts import YAML_SUFFIXES
from pytest_aicore.workflows.executable import SCENARIO_ID_LABEL, SCENARIO_NAME_ANNOTATION
from pytest_aicore.workflows.template import Template, read_template
from pytest_aicore.workflows.yaml.places import SourceError
from pytest_aicore.workflows.yaml.source import MAXIMUM_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_NO_KIND: Final = "its `kind` is none that AI Core reads"
_SIGNS_OF_A_TEMPLATE: Final = (b"WorkflowTemplate", b"ServingTemplate")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A YAML file of a workflows folder that is not a template.

    Attributes:
        path: the file.
        reason: why it was left alone, a clause.
    """

    path: Path
    reason: str


class WorkflowFolder(Mapping[str, Template]):
    """The templates of a folder by executable id, in the order of their file names.

    Attributes:
        path: the folder.
        skipped: the YAML files in it that are not templates.
    """

    def __init__(self, path: Path, templates: Iterable[Template], skipped: Iterable[Skipped] = ()) -> None:
        """Take templates for a folder; `read_folder` is what reads one.

        Raises:
            WorkflowError: two templates have the same executable id, or disagree on the name of a scenario.
        """
        self.path = path
        self.skipped = tuple(skipped)
        self._templates: dict[str, Template] = {}
        problems = [*_taken_ids(templates := tuple(templates)), *_scenarios_with_two_names(templates)]
        if problems:
            raise WorkflowError("\n\n".join(problems))
        for template in templates:
            self._templates[template.name] = template

    def __getitem__(self, executable_id: str) -> Template:
        """Return the template of an executable id."""
        return self._templates[executable_id]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the executable ids."""
        return iter(self._templates)

    def __len__(self) -> int:
        """Return how many templates the folder holds."""
        return len(self._templates)

    def __repr__(self) -> str:
        """Return folder and executable ids."""
        return f"WorkflowFolder({str(self.path)!r}, {list(self)})"

    def find(self, reference: str) -> Template:
        """Return the template that a file name, a file name without suffix, or an executable id means.

        Args:
            reference: for example `training.yaml`, `training`, or `text-clf-train-tutorial`.

        Raises:
            WorkflowError: no template is meant, or more than one.
        """
        for template in self.values():
            if template.path is not None and template.path.name == reference:
                return template
        meant = {
            template.name: template
            for template in self.values()
            if template.name == reference or (template.path is not None and template.path.stem == reference)
        }
        if len(meant) == 1:
            return next(iter(meant.values()))
        if meant:
            raise WorkflowError(
                f"{reference!r} can mean more than one workflow of the folder '{self.path}':\n"
                f"{_table(meant.values())}\nName the file with its suffix."
            )
        for skipped in self.skipped:
            if reference in (skipped.path.name, skipped.path.stem):
                raise _why_skipped(skipped)
        known = [word for template in self.values() for word in _names(template)]
        holds = f"It holds:\n{_table(self.values())}" if self else "It has no workflow template."
        if self.skipped:
            others = listing(skipped.path.name for skipped in self.skipped)
            holds += f"\nIts other YAML files are not templates: {others}."
        raise WorkflowError(
            f"The folder '{self.path}' has no workflow {reference!r}.{did_you_mean(reference, known)}\n{holds}"
        )


def read_folder(folder: Path) -> WorkflowFolder:
    """Read all templates of a folder.

    Sub-folders are not read, as AI Core does not synchronise them. YAML files that are not templates are left
    alone.

    Args:
        folder: the folder.

    Raises:
        WorkflowError: the folder does not exist; a template in it cannot be read; two have the same
            executable id; two disagree on the name of a scenario.
    """
    _refuse_what_is_no_folder(folder)
    templates: list[Template] = []
    skipped: list[Skipped] = []
    problems: list[WorkflowError] = []
    home = folder.resolve()
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in YAML_SUFFIXES)
    except OSError as error:
        raise WorkflowError(f"The workflows folder '{shown(folder)}' cannot be read: {error.strerror}.") from None
    for path in paths:
        if path.name.startswith("."):
            continue  # What an editor leaves beside a file that it has open.
        reason = _why_not(path, home)
        if reason is not None:
            skipped.append(Skipped(path, reason))
            continue
        try:
            templates.append(read_template(path))
        except WorkflowError as error:
            if isinstance(error, SourceError) and error.problem.kind == "no-template":
                skipped.append(Skipped(path, _NO_KIND))
            else:
                problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise WorkflowError("\n\n".join(str(problem) for problem in problems))
    return WorkflowFolder(folder, templates, skipped)


def _refuse_what_is_no_folder(folder: Path) -> None:
    remedy = "Name the folder with `--aicore-workflows=DIR`, or with `aicore_workflows` in the ini file."
    if folder.is_dir():
        return
    if folder.exists():
        raise WorkflowError(f"The workflows folder '{shown(folder)}' is a file, not a folder.\n{remedy}")
    nearest = next((parent for parent in folder.absolute().parents if parent.is_dir()), None)
    if nearest is None:
        raise WorkflowError(f"The workflows folder '{shown(folder)}' does not exist.\n{remedy}")
    try:
        beside = sorted(path.name for path in nearest.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        beside = []
    missing = folder.absolute().relative_to(nearest)
    wanted = missing.parts[0]
    above = next((parent / missing for parent in nearest.parents if (parent / missing).is_dir()), None)
    if above is not None:  # pytest's rootdir is a folder of tests, because no ini file says otherwise
        raise WorkflowError(f"The workflows folder '{shown(folder)}' does not exist, but '{above}' does.\n{remedy}")
    raise WorkflowError(
        f"The workflows folder '{shown(folder)}' does not exist; the nearest folder that does is '{nearest}'."
        f"{did_you_mean(wanted, beside)}\n{remedy}"
    )


def _why_not(path: Path, home: Path) -> str | None:
    """Return why a file is skipped, None if it has to be read as a template."""
    if path.is_symlink():
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return "it is a symbolic link that leads nowhere"
        if not target.is_relative_to(home):
            return "it is a symbolic link that leaves the folder"
    if not path.is_file():
        return "it is not a file"
    try:
        with path.open("rb") as file:
            beginning = file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if b"\0" in beginning:
        beginning = beginning.replace(b"\0", b"")
    # Neither kind can be written without its name: a file without them needs no parsing, and may be broken.
    if any(sign in beginning for sign in _SIGNS_OF_A_TEMPLATE):
        return None
    return _NO_KIND


def _why_skipped(skipped: Skipped) -> WorkflowError:
    """Return the error to raise for a skipped file that is requested by name."""
    if skipped.reason == _NO_KIND:
        try:
            read_template(skipped.path)
        except WorkflowError as error:
            return error
    return WorkflowError(f"'{skipped.path}' is not a workflow of SAP AI Core: {skipped.reason}.")


def _names(template: Template) -> tuple[str, ...]:
    return (template.path.name, template.path.stem, template.name) if template.path is not None else (template.name,)


def _table(templates: Iterable[Template]) -> str:
    rows = [
        (template.path.name if template.path is not None else template.document.name, template)
        for template in templates
    ]
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"  {name:<{width}}  {template.name}" for name, template in rows)


def _taken_ids(templates: Iterable[Template]) -> Iterator[str]:
    first: dict[str, Template] = {}
    for template in templates:
        other = first.setdefault(template.name, template)
        if other is not template:
            yield (
                f"Two templates have the executable id {template.name!r}, which must be unique in a tenant:\n"
                f"  {other.place_of(other.metadata.values['name'])}\n"
                f"  {template.place_of(template.metadata.values['name'])}\n"
                "Give one of them another `metadata.name`."
            )


def _scenarios_with_two_names(templates: Iterable[Template]) -> Iterator[str]:
    first: dict[str, Template] = {}
    for template in templates:
        scenario, name = template.executable.scenario_id, template.executable.scenario_name
        if scenario is None or name is None:
            continue
        other = first.setdefault(scenario, template)
        if other.executable.scenario_name != name:
            yield (
                f"Two templates give the scenario {scenario!r} different names:\n"
                f"  {_place_of_name(other)}  {other.executable.scenario_name!r}\n"
                f"  {_place_of_name(template)}  {name!r}\n"
                f"Write the same name in both, or give one another `{SCENARIO_ID_LABEL}`."
            )


def _place_of_name(template: Template) -> str:
    return str(template.place_of("metadata", "annotations", SCENARIO_NAME_ANNOTATION))
