"""`pytest-aicore init`: finds the workflows of a project, and writes what a first acceptance test of each needs."""

from __future__ import annotations

import os
import re
import shlex
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_aicore.cli.init.ci import job_for
from pytest_aicore.cli.init.first_test import FirstTest, module_of, named
from pytest_aicore.cli.init.images import data_of, dockerfile_folders, folders_of_images, pattern_of
from pytest_aicore.cli.init.ini_file import Settings, has_settings, lines_for
from pytest_aicore.cli.project import project_of
from pytest_aicore.echo import shown
from pytest_aicore.emulator.api.validation import ID as SCENARIO_ID
from pytest_aicore.errors import SettingsError, WorkflowError, listing
from pytest_aicore.printable import say
from pytest_aicore.redact import redact
from pytest_aicore.workflows import WorkflowFolder, read_folder
from pytest_aicore.workflows.checks import Severity, check_files
from pytest_aicore.workflows.contracts.contract import contract_of, dump
from pytest_aicore.workflows.contracts.goldens import ContractPlaces, write_golden
from pytest_aicore.workflows.searching import template_folders

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from pytest_aicore.cli.init.ci import Job
    from pytest_aicore.cli.project import Project
    from pytest_aicore.workflows import Template

DONE: Final = 0
_TESTS: Final = ("tests", "test")
"""What a folder of tests is called."""


def init(folder: Path, *, dry_run: bool = False) -> int:
    """Write a first test of each workflow of a project, and what it needs; nothing that exists is changed but the ini.

    Args:
        folder: of the project.
        dry_run: whether it is only shown.

    Returns:
        0.

    Raises:
        SettingsError: there is no such folder, it has no workflows, or a file cannot be written.
    """
    if not folder.is_dir():
        raise SettingsError(f"'{shown(folder)}' is not a folder.")
    drafted = _Draft(folder.resolve(), project_of(folder))
    drafted.draft()
    for line in drafted.told():
        say(redact(line))
    if not dry_run:
        drafted.write()
    say("\n".join(drafted.next_steps(dry_run=dry_run)))
    return DONE


class _Draft:
    """What is to be written.

    Args:
        folder: where workflows are searched.
        project: as pytest sees it.
    """

    def __init__(self, folder: Path, project: Project) -> None:
        self._folder = folder
        self._project = project
        self._has_ini = has_settings(project.ini)
        self._root = project.root if self._has_ini else folder
        self._folders: list[Path] = []
        self._all = WorkflowFolder(folder, ())
        self._code: dict[str, dict[str, Path]] = {}
        self._data: dict[str, dict[str, Path]] = {}
        self._modules: list[Path] = []
        self._new: dict[Path, str] = {}
        self._contracts: dict[Path, str] = {}
        self._added: dict[Path, str] = {}
        self._existing: list[Path] = []
        self._lines: list[str] = []
        self._job: Job | None = None
        self._notes: list[str] = []
        self._trained_here: list[str] = []

    # What is found --------------------------------------------------------------------------------------------------

    def draft(self) -> None:
        """Find the workflows and draft the files.

        Raises:
            SettingsError: there are none.
        """
        templates = self._templates()
        if not templates:
            raise SettingsError(
                f"No workflow of SAP AI Core was found in '{shown(self._folder)}' that a test could train or deploy."
                + "".join(f"\n{note}" for note in self._notes)
                + "\nA workflow is a YAML file of the kind WorkflowTemplate or ServingTemplate, with the labels that AI"
                " Core requires: `pytest-aicore check` says what is missing."
            )
        first, *others = self._folders
        self._all = WorkflowFolder(first, templates, others=others)
        self._code = self._code_of(templates)
        self._data = {template.name: self._data_of(template) for template in templates if template.name in self._code}
        self._draft_settings()
        for folder, own in self._services(templates).items():
            self._draft_tests(folder, own)
        self._draft_contracts(templates)
        self._draft_job()

    def _templates(self) -> list[Template]:
        """Return the templates of all folders that AI Core could synchronise together."""
        found: dict[str, Template] = {}
        for folder in template_folders(self._folder):
            try:
                templates = read_folder(folder)
                WorkflowFolder(self._folder, [*found.values(), *templates.values()])  # no two contradict each other
            except WorkflowError as error:
                self._note(folder, " ".join(str(error).split()))
                continue
            found.update(templates)
        trained = {each.executable.scenario_id for each in found.values() if not each.executable.deployable}
        usable = [template for template in found.values() if self._is_usable(template, trained)]
        self._folders = list(dict.fromkeys(_path_of(template).parent for template in usable))
        return usable

    def _is_usable(self, template: Template, trained: Collection[str | None]) -> bool:
        """Return whether AI Core would publish a template, as far as the files tell."""
        executable = template.executable
        scenario = executable.scenario_id or ""
        why = ""
        if executable.missing:
            why = f"AI Core does not publish it without {', '.join(executable.missing)}"
        elif SCENARIO_ID.match(scenario) is None:
            why = f"the scenario {scenario!r} has no id of 4 to 64 letters, digits, dots, hyphens and underscores"
        elif scenario not in trained:
            why = f"AI Core shows the scenario {scenario!r} only with a WorkflowTemplate of it, and there is none"
        if why:
            self._note(_path_of(template), why)
        return not why

    def _note(self, path: Path, why: str) -> None:
        self._notes.append(f"left out: {self._shown(path)}: {why}")

    def _services(self, templates: Iterable[Template]) -> dict[Path, list[Template]]:
        """Return the workflows by the folder of their service, which is that around their own; each has a module."""
        services: dict[Path, list[Template]] = {}
        for template in templates:
            services.setdefault(self._service_of(template), []).append(template)
        return services

    def _service_of(self, template: Template) -> Path:
        folder = _path_of(template).parent
        return folder if folder == self._root else folder.parent

    # What trains on this machine ------------------------------------------------------------------------------------

    def _code_of(self, templates: Iterable[Template]) -> dict[str, dict[str, Path]]:
        """Return by executable the folders of its images, where all of them have one."""
        folders = dockerfile_folders(self._folder)
        code: dict[str, dict[str, Path]] = {}
        for template in templates:
            found = folders_of_images(template, folders)
            if found and len(found) == len(set(template.executable.images)):
                code[template.name] = found
        return code

    def _data_of(self, template: Template) -> dict[str, Path]:
        """Return by input artifact the data of a workflow, where there is some."""
        inputs = [artifact.name for artifact in template.executable.input_artifacts]
        service = self._service_of(template)
        found = {name: data_of(name, self._folder, service, is_only=len(inputs) == 1) for name in inputs}
        return {name: path for name, path in found.items() if path is not None}

    @property
    def _store(self) -> Path | None:
        """The folder that takes the place of the object store: that around all data; None if no data was found."""
        parents = [path.parent for found in self._data.values() for path in found.values()]
        return Path(os.path.commonpath(parents)) if parents else None

    # Settings -------------------------------------------------------------------------------------------------------

    def _settings(self) -> Settings:
        """Return the settings that the project needs: where its workflows are, the code of their images, their data."""
        settings: Settings = {"aicore_workflows": _patterns(self._folders, self._root)}
        images = {pattern_of(image): folder for code in self._code.values() for image, folder in code.items()}
        if images:
            settings["aicore_local_images"] = [f"{each} = {self._shown(folder)}" for each, folder in images.items()]
        if self._store is not None:
            settings["aicore_local_store"] = [self._shown(self._store)]
        return settings

    def _draft_settings(self) -> None:
        settings, ini = self._settings(), self._project.ini
        if self._has_ini and ini is not None:
            known = set(self._project.ini_names)
            if self._knows_folders:
                known.add("aicore_workflows")
            self._lines = lines_for(ini, {name: lines for name, lines in settings.items() if name not in known})
            return
        pyproject = self._root / "pyproject.toml"
        if pyproject.is_file():
            self._added[pyproject] = "\n".join(["[tool.pytest.ini_options]", *lines_for(pyproject, settings), ""])
        else:
            file = self._root / "pytest.ini"
            self._new[file] = "\n".join(["[pytest]", *lines_for(file, settings), ""])

    @property
    def _knows_folders(self) -> bool:
        """Whether pytest finds the workflows, by the settings that there are or that are written."""
        read = {folder.resolve() for folder in self._project.workflows}
        return not self._has_ini or {folder.resolve() for folder in self._folders} <= read

    # Tests ----------------------------------------------------------------------------------------------------------

    def _draft_tests(self, service: Path, templates: Sequence[Template]) -> None:
        module = self._module_of(service)
        self._modules.append(module)
        if module.exists():
            self._existing.append(module)
            return
        store = self._store
        tests = []
        for template in templates:
            places = {} if store is None else self._data.get(template.name, {})
            data = {name: path.relative_to(store).as_posix() for name, path in places.items() if store is not None}
            tests.append(FirstTest(template, self._reference_of(template, module), data))
        self._new[module] = module_of(tests)
        self._trained_here += [
            f"{self._shown(module)}::{name}" for name, test in named(tests).items() if self._trains(test.template)
        ]

    def _trains(self, template: Template) -> bool:
        """Return whether a training can really run on this machine: its code and all of its data were found."""
        executable = template.executable
        needed = {artifact.name for artifact in executable.input_artifacts if not artifact.optional}
        return not executable.deployable and template.name in self._code and needed <= set(self._data[template.name])

    def _reference_of(self, template: Template, module: Path) -> str:
        """Return what a test calls a workflow: its file name where that finds it, and otherwise with folders."""
        path = _path_of(template)
        if not self._knows_folders:
            below = path.relative_to(self._root).as_posix()
            return below if "/" in below else f"./{below}"
        with suppress(WorkflowError):
            if self._all.find(path.name, module) is template:
                return path.name
        return self._all.name_of(template)

    def _module_of(self, service: Path) -> Path:
        """Return the path of the test module of a service: among its tests, or those of the folders around it."""
        around = [service, *(folder for folder in service.parents if folder.is_relative_to(self._root))]
        existing = [folder / name for folder in around for name in _TESTS if (folder / name).is_dir()]
        folder = existing[0] if existing else service / _TESTS[0]
        collected = [self._root / path for path in self._project.testpaths if (self._root / path).is_dir()]
        if collected and not any(folder.is_relative_to(path) for path in collected):
            folder = collected[0]
        name = "aicore" if service == self._root else f"aicore_{_word(service.name)}"
        # pytest imports modules of one name once, unless their folders are packages.
        taken = {path.name for path in self._modules}
        numbered = (name if number == 1 else f"{name}_{number}" for number in count(1))
        return folder / next(file for each in numbered if (file := self._file_of(each)) not in taken)

    def _file_of(self, name: str) -> str:
        """Return the file name of a test module, as the project calls such files."""
        patterns = self._project.python_files
        if any(fnmatchcase(f"test_{name}.py", each) for each in patterns):
            return f"test_{name}.py"
        return next((each for each in patterns if each.count("*") == 1), "test_*.py").replace("*", name)

    # Contracts and CI -----------------------------------------------------------------------------------------------

    def _draft_contracts(self, templates: Iterable[Template]) -> None:
        places = ContractPlaces(self._folders, self._root, self._project.contracts)
        for template in templates:
            file = places.path_of(_path_of(template))
            if file.exists() or file in self._contracts:
                self._existing.append(file)
            else:
                self._contracts[file] = dump(contract_of(template.executable))

    def _draft_job(self) -> None:
        """Draft a job that runs the tests, and the checks where they find no error."""
        arguments = [self._shown(module) for module in self._modules]
        checked = [path for folder in self._folders for path in self._checked_in(folder)]
        patterns = _patterns(self._folders, self._root)
        if check_files(checked).count(Severity.ERROR):
            self._notes.append(f"The checks find errors: `pytest-aicore check {shlex.join(patterns)}` explains them.")
        elif self._knows_folders or len(patterns) == 1:
            arguments += [*map(self._shown, checked), "--aicore-check"]
            arguments += [] if self._knows_folders else [f"--aicore-workflows={patterns[0]}"]
        self._job = job_for(self._root, [["pip", "install", "pytest-aicore[sdk]"], ["pytest", *arguments]])
        if self._job is not None and not (self._root / self._job.file).exists():
            self._new[self._root / self._job.file] = self._job.text
            self._job = None

    def _checked_in(self, folder: Path) -> list[Path]:
        """Return what is checked: a folder, or its workflows where it is the whole project."""
        return (
            [folder]
            if folder != self._root
            else [_path_of(each) for each in self._all.values() if _path_of(each).parent == folder]
        )

    # What becomes of it ---------------------------------------------------------------------------------------------

    def told(self) -> Iterator[str]:
        """Yield what is written, line by line."""
        number = len(self._all)
        folders = [self._shown(folder) for folder in self._folders]
        where = "the project's folder" if folders == ["."] else listing(folders)
        yield f"{number} workflow{'s' * (number > 1)} in {where}"
        yield from self._notes
        for file, text in self._new.items():
            yield from ("", f"new: {self._shown(file)}", *_indented(text))
        for file, text in self._added.items():
            yield from ("", f"added at the end of {self._shown(file)}:", *_indented(text))
        if self._contracts:
            yield ""
            yield from (f"new: {self._shown(file)}" for file in self._contracts)
        if self._existing:
            yield ""
            yield from (f"exists, left alone: {self._shown(file)}" for file in self._existing)
        if self._lines and self._project.ini is not None:
            yield from (
                "",
                f"Add to pytest's table in {self._shown(self._project.ini)}:",
                *_indented("\n".join(self._lines)),
            )
        if self._job is not None:
            what = f"{self._job.file} exists. A job for {self._job.forge} that could be added:"
            yield from ("", what, *_indented(self._job.text))

    def write(self) -> None:
        """Write the files.

        Raises:
            AicoreError: one of them cannot be written.
        """
        places = ContractPlaces(self._folders, self._root, self._project.contracts)
        try:
            for file, text in self._new.items():
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("x", encoding="utf-8", newline="\n") as new:
                    new.write(text)
            for file, text in self._added.items():
                _append(file, text)
        except OSError as error:
            raise SettingsError(f"'{shown(error.filename)}' cannot be written: {error.strerror}.") from None
        for template in self._all.values():
            file = places.path_of(_path_of(template))
            if file in self._contracts:
                write_golden(file, places.folder_of(_path_of(template)), self._contracts[file])

    def next_steps(self, *, dry_run: bool) -> list[str]:
        """Return what the user does next.

        Args:
            dry_run: whether nothing was written.
        """
        if dry_run:
            return ["", "Nothing was written: --dry-run."]
        steps = ["", "Run the tests:", "", f"    pytest {shlex.join(map(self._shown, self._modules))}"]
        if self._knows_folders:
            steps += ["", "Check the workflows as well:", "", "    pytest --aicore-check"]
        if self._trained_here:
            steps += [
                "",
                "Run the real code of these trainings on this machine (pip install 'pytest-aicore[local]'):",
                "",
                f"    pytest --aicore-local {shlex.join(self._trained_here)}",
            ]
        return steps

    def _shown(self, path: Path) -> str:
        """Return a path as seen from the project."""
        return path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else str(path)


def _path_of(template: Template) -> Path:
    if template.path is None:
        raise TypeError(template)  # what is read from a folder has a path
    return template.path


def _patterns(folders: Sequence[Path], root: Path) -> list[str]:
    """Return the lines that name folders: a glob for those of one name in folders beside each other."""
    patterns: dict[str, None] = {}
    for folder in folders:
        name = folder.relative_to(root).as_posix()
        if folder != root and folder.parent != root:
            beside = set(folder.parent.parent.glob(f"*/{folder.name}"))
            if len(beside) > 1 and beside <= set(folders):
                name = (folder.parent.parent / "*" / folder.name).relative_to(root).as_posix()
        patterns[name] = None
    return list(patterns)


def _word(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_").lower() or "service"


def _indented(text: str) -> Iterator[str]:
    return (f"    {line}".rstrip() for line in text.splitlines())


def _append(file: Path, text: str) -> None:
    """Add text at the end of a file, which keeps its line ends."""
    with file.open(encoding="utf-8", newline="") as old:
        before = old.read()
    end = "\r\n" if "\r\n" in before else "\n"
    gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    with file.open("a", encoding="utf-8", newline="") as new:
        new.write(f"{gap}{text}".replace("\n", end))


__all__ = ["init"]
