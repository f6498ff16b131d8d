"""Folders of workflow YAML files, read the way AI Core's Git synchronisation reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from pytest_aicore.echo import is_glob, shown
from pytest_aicore.errors import WorkflowError, did_you_mean, listing
from pytest_aicore.service_facts import YAML_SUFFIXES
from pytest_aicore.workflows.executable import SCENARIO_ID_LABEL, SCENARIO_NAME_ANNOTATION
from pytest_aicore.workflows.searching import folders_shared, template_folders
from pytest_aicore.workflows.template import Template, read_template
from pytest_aicore.workflows.yaml.places import SourceError
from pytest_aicore.workflows.yaml.source import MAXIMUM_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_NO_KIND: Final = "its `kind` is none that AI Core reads"
_SHOWN_FOLDERS: Final = 3
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
    """The templates of a folder, or of several of one tenant, by executable id, in the order of their file names.

    Attributes:
        path: the folder; the first of several.
        paths: all folders.
        skipped: the YAML files in them that are not templates.
    """

    def __init__(
        self, path: Path, templates: Iterable[Template], skipped: Iterable[Skipped] = (), *, others: Sequence[Path] = ()
    ) -> None:
        """Take templates for a folder; `read_folder` is what reads one.

        Raises:
            WorkflowError: two templates have the same executable id, or disagree on the name of a scenario.
        """
        self.path = path
        self.paths = (path, *others)
        self.skipped = tuple(skipped)
        self._templates: dict[str, Template] = {}
        problems = [*_taken_ids(templates := tuple(templates)), *_scenarios_with_two_names(templates)]
        if problems:
            raise WorkflowError("\n\n".join(problems))
        for template in templates:
            self._templates[template.name] = template
        self._by_path = {template.path: template for template in self.values() if template.path is not None}

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
        return f"WorkflowFolder({', '.join(repr(str(path)) for path in self.paths)}, {list(self)})"

    @property
    def named(self) -> str:
        """The folders as a message calls them: `the folder 'workflows'`."""
        shown = [f"'{path}'" for path in self.paths[:_SHOWN_FOLDERS]]
        if len(self.paths) == 1:
            return f"the folder {shown[0]}"
        more = len(self.paths) - len(shown)
        last = f"{more} more" if more else shown.pop()
        return f"the folders {', '.join(shown)} and {last}"

    def name_of(self, template: Template) -> str:
        """Return what a test calls a template: its file name, with as much of its path as tells it from the others."""
        if template.path is None:
            return template.name
        parts = template.path.parts
        for length in range(1, len(parts)):
            if sum(path.parts[-length:] == parts[-length:] for path in self._by_path) == 1:
                return "/".join(parts[-length:])
        return template.name

    def at_path(self, reference: str, near: Path | None = None) -> Template | None:
        """Return the template at a path: as seen from the parent of its folder, or the end of its own.

        Args:
            reference: for example `workflows/training.yaml` or `churn/workflows/training.yaml`.
            near: the file that refers to it; without it, none of several is the nearest.

        Returns:
            None if it is the path of no template.

        Raises:
            WorkflowError: more than one template is meant.
        """
        places = {(folder.parent / reference).resolve() for folder in self.paths}
        parts = PurePath(reference).parts
        meant = [
            template
            for path, template in self._by_path.items()
            if path.parts[-len(parts) :] == parts or path.resolve() in places
        ]
        return self._one_of(meant, reference, near) if meant else None

    def find(self, reference: str, near: Path | None = None) -> Template:
        """Return the template that a file name, a file name without suffix, or an executable id means.

        Args:
            reference: for example `training.yaml`, `training`, or `text-clf-train-tutorial`.
            near: the file that refers to it: of several files of that name the nearest is meant.

        Raises:
            WorkflowError: no template is meant, or more than one.
        """
        named = [template for path, template in self._by_path.items() if path.name == reference]
        if named:
            return self._one_of(named, reference, near)
        stems = [template for path, template in self._by_path.items() if path.stem == reference]
        by_id = self.get(reference)
        if by_id is not None and by_id not in stems:
            stems.append(by_id)
            near = None  # an executable id does not depend on the test
        if stems:
            return self._one_of(stems, reference, near)
        for skipped in self.skipped:
            if reference in (skipped.path.name, skipped.path.stem):
                raise _why_skipped(skipped)
        known = [word for template in self.values() for word in _names(template)]
        one = len(self.paths) == 1
        has, it_has, it_holds = ("has", "It has", "It holds") if one else ("have", "They have", "They hold")
        holds = f"{it_holds}:\n{self._table(self.values())}" if self else f"{it_has} no workflow template."
        if self.skipped:
            others = listing(skipped.path.name for skipped in self.skipped)
            holds += f"\n{'Its' if one else 'Their'} other YAML files are not templates: {others}."
        raise WorkflowError(
            f"T{self.named[1:]} {has} no workflow {reference!r}.{did_you_mean(reference, known)}\n{holds}"
        )

    def _one_of(self, meant: Sequence[Template], reference: str, near: Path | None) -> Template:
        """Return the nearest of the templates that a reference can mean.

        Raises:
            WorkflowError: more than one is as near.
        """
        nearest = sorted(nearest_templates(meant, near), key=lambda template: template.path or PurePath())
        if len(nearest) == 1:
            return nearest[0]
        alike = len({template.path.name for template in nearest if template.path is not None}) < len(nearest)
        remedy = f"with its folder: {self.name_of(nearest[0])!r}" if alike else "with its suffix"
        raise WorkflowError(
            f"{reference!r} can mean more than one workflow of {self.named}:\n{self._table(nearest)}\n"
            f"Name the file {remedy}."
        )

    def _table(self, templates: Iterable[Template]) -> str:
        rows = [
            (self.name_of(template) if template.path is not None else template.document.name, template)
            for template in templates
        ]
        width = max((len(name) for name, _ in rows), default=0)
        return "\n".join(f"  {name:<{width}}  {template.name}" for name, template in rows)


def nearest_templates(templates: Iterable[Template], near: Path | None) -> list[Template]:
    """Return the templates whose files are nearest to a file: all that are as near, all of them without such a file.

    Args:
        templates: to choose from.
        near: the file that refers to one of them.
    """
    templates = list(templates)
    files = nearest([template.path for template in templates if template.path is not None], near)
    return [template for template in templates if template.path is None or template.path in files]


def nearest(paths: Sequence[Path], near: Path | None) -> list[Path]:
    """Return the paths that are nearest to a file: those that share most folders with it, the least deep below these.

    Args:
        paths: of other files.
        near: the file; without it all are as near.
    """
    if near is None:
        return list(paths)
    home = near.parent

    def distance(path: Path) -> tuple[int, int]:
        common = folders_shared(path.parent, home)
        return -common, len(path.resolve().parent.parts) - common

    least = min(map(distance, paths), default=None)
    return [path for path in paths if distance(path) == least]


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
    return read_folders((folder,))


def read_folders(folders: Sequence[Path]) -> WorkflowFolder:
    """Read all templates of several folders of one tenant.

    Args:
        folders: at least one, each read as `read_folder` does.

    Raises:
        WorkflowError: as `read_folder`.
    """
    templates: list[Template] = []
    skipped: list[Skipped] = []
    problems: list[WorkflowError] = []
    for folder in folders:
        _read(folder, templates, skipped, problems)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise WorkflowError("\n\n".join(str(problem) for problem in problems))
    return WorkflowFolder(folders[0], templates, skipped, others=folders[1:])


def _read(folder: Path, templates: list[Template], skipped: list[Skipped], problems: list[WorkflowError]) -> None:
    """Read a folder: what it has, what is left alone and what is broken go to the end of the lists.

    Raises:
        WorkflowError: there is no such folder, or it cannot be read.
    """
    _refuse_what_is_no_folder(folder)
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


def _refuse_what_is_no_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    remedy = "Name the folder with `--aicore-workflows=DIR`, or with `aicore_workflows` in the ini file."
    if is_glob(folder.name) or is_glob(str(folder.parent)):
        raise WorkflowError(f"No folder matches '{shown(folder)}', which names the workflows folders.\n{remedy}")
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
        f"{did_you_mean(wanted, beside)}{_where_templates_are(nearest)}\n{remedy}"
    )


def _where_templates_are(root: Path) -> str:
    """Return a sentence that names the folders below a folder that hold templates; nothing if none does."""
    found = template_folders(root)
    if not found:
        return ""
    names = [str(each.relative_to(root)) for each in found[:_SHOWN_FOLDERS]]
    more = f" and {len(found) - len(names)} more" if len(found) > len(names) else ""
    return f" Templates are in {listing(names)}{more} there."


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
