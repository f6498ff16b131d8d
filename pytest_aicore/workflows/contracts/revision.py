"""The workflows of a git revision. Nothing is checked out: git prints the files of the revision."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_aicore.errors import RevisionError, WorkflowError, did_you_mean
from pytest_aicore.service_facts import TEMPLATE_SUFFIXES
from pytest_aicore.workflows.checks.sniffing import SNIFFED_BYTES, is_candidate
from pytest_aicore.workflows.contracts.comparison import compare
from pytest_aicore.workflows.contracts.contract import contract_of
from pytest_aicore.workflows.regular import read_beginning
from pytest_aicore.workflows.template import parse_templates
from pytest_aicore.workflows.yaml.source import MAXIMUM_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_aicore.workflows.contracts.comparison import Comparison
    from pytest_aicore.workflows.template import Template


_SIMILAR: Final = 0.5
"""The share of equal lines from which two files count as renamed; git's own threshold."""


_REGULAR_FILES: Final = ("100644", "100755", "100664")
# A hook of git has these set for the repository it runs in, which need not be the one that is asked.
_VARIABLES_OF_HOOKS: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")


@dataclass(frozen=True)
class Changed:
    """A workflow that the revision has as well.

    Attributes:
        template: as it is now.
        before: as it was.
        was: the path it had, relative to the repository.
        comparison: what became of its contract.
    """

    template: Template
    before: Template
    was: str
    comparison: Comparison


@dataclass(frozen=True)
class Since:
    """The changes of workflows since a revision.

    Attributes:
        changed: those that were there, in the order given.
        new: those that were not.
        removed: path and template of those that are not there any more.
    """

    changed: tuple[Changed, ...]
    new: tuple[Template, ...]
    removed: tuple[tuple[Path, Template], ...]


@dataclass(frozen=True)
class _Blob:
    path: str
    object_id: str
    size: int


class Revision:
    """A commit of a git repository.

    Attributes:
        top: the folder of the repository.
        reference: what the commit was called.
        commit: its id.
    """

    def __init__(self, top: Path, reference: str, commit: str) -> None:
        """Take a commit; `open_revision` finds one."""
        self.top = top
        self.reference = reference
        self.commit = commit

    def files(self) -> Iterator[_Blob]:
        """Yield the YAML and JSON files of the revision; links and submodules are left out."""
        listed = _git(self.top, "ls-tree", "-r", "-l", "-z", "--full-tree", self.commit)
        for entry in listed.split(b"\0"):
            facts, _, name = entry.partition(b"\t")
            path = os.fsdecode(name)
            if not path.lower().endswith(tuple(TEMPLATE_SUFFIXES)):
                continue
            mode, kind, object_id, size = facts.decode().split()
            if kind == "blob" and mode in _REGULAR_FILES and int(size) <= MAXIMUM_BYTES:
                yield _Blob(path, object_id, int(size))

    def touched(self) -> set[str]:
        """Return the files of the revision that are missing or changed now, and possibly unchanged ones."""
        listed = _git(self.top, "diff-index", "--name-only", "--no-renames", "-z", self.commit)
        return {os.fsdecode(name) for name in listed.split(b"\0")}

    def contents(self, blobs: Sequence[_Blob]) -> Iterator[tuple[_Blob, bytes]]:
        """Yield the content of files, with one call of git."""
        if not blobs:
            return
        asked = "".join(f"{blob.object_id}\n" for blob in blobs).encode()
        answer = _git(self.top, "cat-file", "--batch", given=asked)
        position = 0
        for blob in blobs:
            head, _, _ = answer[position : position + 200].partition(b"\n")
            if not head.endswith(b" blob %d" % blob.size):
                raise RevisionError(
                    f"git cannot read '{blob.path}' of {self.reference}: {head.decode(errors='replace')}."
                )
            position += len(head) + 1
            yield blob, answer[position : position + blob.size]
            position += blob.size + 1


def open_revision(reference: str, folder: Path) -> Revision:
    """Return the commit that a reference means in the repository of a folder.

    Args:
        reference: a branch, tag, commit, or any other name of a revision that git understands.
        folder: any folder of the repository.

    Raises:
        RevisionError: the repository or the revision does not exist.
    """
    top = Path(os.fsdecode(_git(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
    try:
        # With a dash first git would take it for an option; no revision begins with one.
        name = "" if reference.startswith("-") else reference
        commit = _git(top, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except RevisionError:
        names = _git(top, "for-each-ref", "--format=%(refname:short)").decode(errors="replace").split()
        raise RevisionError(
            f"The repository '{top}' has no revision {reference!r}.{did_you_mean(reference, names)}\n{_advice(top)}"
        ) from None
    return Revision(top, reference, commit.decode().strip())


def _advice(top: Path) -> str:
    """Return how the repository gets a revision that it does not have."""
    if _git(top, "rev-parse", "--is-shallow-repository").strip() == b"true":
        return (
            "It is a shallow clone, as CI systems make them, which has only the newest commit of one branch: fetch the"
            " other one first, for example with `git fetch origin main:refs/remotes/origin/main`."
        )
    if not _git(top, "remote").strip():
        return "`git log --all --oneline` lists its commits."
    return "`git fetch --tags` gets what was pushed since; `git branch --all` and `git tag` list what there is."


def _git(folder: Path, *arguments: str, given: bytes | None = None) -> bytes:
    environment = {name: value for name, value in os.environ.items() if name not in _VARIABLES_OF_HOOKS}
    # The output is parsed: no colours, pager, prompts or translations.
    environment.update(GIT_TERMINAL_PROMPT="0", GIT_OPTIONAL_LOCKS="0", LC_ALL="C")
    try:
        finished = subprocess.run(  # noqa: S603  a list of arguments, of which no reference is an option
            ["git", "-C", str(folder), "--no-pager", *arguments],  # noqa: S607  the user's git, wherever it is
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            env=environment,
            check=False,
        )
    except FileNotFoundError:
        raise RevisionError("The program `git` is not on the PATH; comparing with a revision needs it.") from None
    except (OSError, ValueError) as error:
        raise RevisionError(f"`git` cannot be run: {error}.") from None
    if finished.returncode != 0:
        said = finished.stderr.decode(errors="replace").strip().splitlines()
        why = said[0].removeprefix("fatal: ") if said else f"exit status {finished.returncode}"
        if "not a git repository" in why:
            raise RevisionError(f"'{folder}' is not in a git repository, so it has no revisions to compare with.")
        raise RevisionError(f"`git {arguments[0]}` failed in '{folder}': {why}")
    return finished.stdout


def compare_with_revision(
    reference: str, templates: Iterable[Template], folders: Iterable[Path] = (), untold: Iterable[Path] = ()
) -> Since:
    """Return the changes of workflows since a revision.

    A workflow is recognised by its executable id, then by its path, then by what the file holds. A file may hold
    several.

    Args:
        reference: the revision, for example `origin/main`.
        templates: the workflows as they are now, all read from files.
        folders: of which it is told what was removed.
        untold: files that cannot be read as templates now; what they were is not told to be removed.

    Raises:
        RevisionError: the repository or the revision does not exist.
    """
    now = [template for template in templates if template.path is not None]
    folders = list(folders)
    home_of = {template: _repository_of(_absolute(template.path).parent) for template in now if template.path}
    homes = dict.fromkeys([*home_of.values(), *(_repository_of(folder.resolve()) for folder in folders)])
    changed: dict[Template, Changed] = {}
    removed: list[tuple[Path, Template]] = []
    for top in homes:
        revision = open_revision(reference, top)
        here = [template for template in now if home_of[template] == top]
        there = [folder.resolve() for folder in folders if _repository_of(folder.resolve()) == top]
        match = _Match(top, revision, here, [_absolute(path) for path in untold])
        for template, was in match.pairs():
            comparison = compare(contract_of(was.template.executable), contract_of(template.executable))
            changed[template] = Changed(template, was.template, was.path, comparison)
        removed += match.removed(there)
    return Since(
        tuple(changed[template] for template in now if template in changed),
        tuple(template for template in now if template not in changed),
        tuple(removed),
    )


def _parsed(data: bytes, name: str) -> list[Template]:
    """Return the templates of a file, none if it is broken or has no label of AI Core: then it had no contract."""
    if not is_candidate(data[:SNIFFED_BYTES]) or b"ai.sap.com/" not in data:
        return []
    try:
        return parse_templates(data, name)
    except WorkflowError:
        return []


def _repository_of(folder: Path) -> Path:
    """Return the nearest parent folder that looks like a repository, else the folder, for which git will fail."""
    return next((one for one in (folder, *folder.parents) if (one / ".git").exists()), folder)


def _absolute(path: Path) -> Path:
    # The file may be a link, or not be there any more; the folder it is named in tells where it belongs.
    return path.parent.resolve() / path.name if path.name not in ("", "..") else path.resolve()


@dataclass(frozen=True, slots=True, eq=False)
class _Workflow:
    """A template and the path of its file in the repository."""

    path: str
    template: Template


class _Match:
    """Finds for each workflow of a repository its version in a revision."""

    def __init__(self, top: Path, revision: Revision, now: Sequence[Template], untold: Sequence[Path]) -> None:
        self._top = top
        self._now = [
            _Workflow(_absolute(template.path).relative_to(top).as_posix(), template)
            for template in now
            if template.path
        ]
        self._files = {workflow.path for workflow in self._now}
        self._untold = {path.relative_to(top).as_posix() for path in untold if path.is_relative_to(top)}
        # Whatever a workflow was once, it lies in its own file, or in one that is not any more what it was.
        there = self._files | revision.touched()
        wanted = [blob for blob in revision.files() if blob.path in there]
        self._before = [
            _Workflow(blob.path, template)
            for blob, data in revision.contents(wanted)
            for template in _parsed(data, f"{revision.reference}:{blob.path}")
        ]
        self._found: dict[_Workflow, _Workflow] = {}

    def pairs(self) -> Iterator[tuple[Template, _Workflow]]:
        """Yield each workflow that the revision has, with its old version."""
        left = dict.fromkeys(self._before)
        for find in (self._same_path_and_id, self._same_id, self._same_path, self._similar):
            for workflow in self._now:
                was = find(workflow, left) if workflow not in self._found else None
                if was is not None:
                    self._found[workflow] = was
                    del left[was]
        for workflow in self._now:
            if workflow in self._found:
                yield workflow.template, self._found[workflow]

    def removed(self, folders: Sequence[Path]) -> Iterator[tuple[Path, Template]]:
        """Yield the workflows that were in the folders and are missing now."""
        known = set(self._found.values())
        for was in self._before:
            path = self._top / was.path
            if was in known or was.path in self._untold or not any(map(path.is_relative_to, folders)):
                continue
            if was.path in self._files or not _looks_like_template(path):
                yield path, was.template

    @staticmethod
    def _same_path_and_id(now: _Workflow, left: Iterable[_Workflow]) -> _Workflow | None:
        return next((was for was in left if was.path == now.path and was.template.name == now.template.name), None)

    @staticmethod
    def _same_id(now: _Workflow, left: Iterable[_Workflow]) -> _Workflow | None:
        return next((was for was in left if was.template.name == now.template.name), None)

    @staticmethod
    def _same_path(now: _Workflow, left: Iterable[_Workflow]) -> _Workflow | None:
        return next((was for was in left if was.path == now.path), None)

    def _similar(self, now: _Workflow, left: Iterable[_Workflow]) -> _Workflow | None:
        lines = now.template.document.lines
        best: tuple[float, _Workflow] | None = None
        for was in left:
            if was.template.kind != now.template.kind or (self._top / was.path).is_file():
                continue  # what is still there was not renamed
            matcher = SequenceMatcher(None, was.template.document.lines, lines, autojunk=False)
            if matcher.quick_ratio() < _SIMILAR:
                continue
            ratio = matcher.ratio()
            if ratio >= _SIMILAR and (best is None or ratio > best[0]):
                best = (ratio, was)
        return best[1] if best else None


def _looks_like_template(path: Path) -> bool:
    """Return whether a file that was not read exists nevertheless, and may be unchanged."""
    try:
        return is_candidate(read_beginning(path, SNIFFED_BYTES))
    except OSError:
        return False
