"""What synchronises applications: templates in a folder of a repository become executables of the tenant.

AI Core does it with Argo CD, whose sentences these are (documentation where it quotes them, else Argo CD's own).
A repository is a folder of this machine: its URL is `file:///...` or a path, or a URL that was mirrored with
`Emulator.mirror_repository`. It fetches nothing from the network.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pytest_aicore.emulator.store.admin_records import Application, ResourceSync
from pytest_aicore.emulator.store.records import PublishedExecutable
from pytest_aicore.emulator.store.state import TENANT_ID
from pytest_aicore.emulator.world import quotas
from pytest_aicore.errors import WorkflowError
from pytest_aicore.service_facts import TEMPLATE_SUFFIXES

if TYPE_CHECKING:
    from pytest_aicore.emulator.world.world import World
    from pytest_aicore.workflows import Template

FIRST_SYNC_SECONDS = 10.0
"""Assumed: how long a new or changed application waits for its first synchronisation."""
REFRESH_SECONDS = 5.0
"""Assumed: how long a refresh waits."""
PERIOD_SECONDS = 180.0
"""Documentation: about every three minutes."""
PRUNES = True
"""Assumed: a template that left the folder, or whose application was deleted, leaves the tenant too."""

_API = {"WorkflowTemplate": "argoproj.io", "ServingTemplate": "ai.sap.com"}
_API_VERSIONS = {"WorkflowTemplate": "argoproj.io/v1alpha1", "ServingTemplate": "ai.sap.com/v1alpha1"}
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SHAPES = {"integer": "number", "float": "number", "boolean": "bool", "object": "object"}
"""Kubernetes' names of types other than string."""
_REVISION = re.compile(r"[\w./+@-]{1,200}", re.ASCII)
_APPLICATION = "application"
"""The kind of appointment that it handles."""


class _NoManifestsError(Exception):
    """The templates of a folder cannot be read; its text is the status message."""


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """A template with the name of its file."""

    file: str
    template: Template


class GitSync:
    """Synchronises applications. Its only own state is a cache of the files that it has read.

    Args:
        world: the world of the tenant.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._read: dict[Path, tuple[tuple[int, int], list[TemplateFile]]] = {}
        world.agenda.when_due(_APPLICATION, self._wake)

    def plan(self, application: Application, seconds: float) -> Application:
        """Return an application that will be synchronised after `seconds`, and make the appointment."""
        planned = replace(application, sync_at=self._world.clock.due(seconds))
        self._world.agenda.appoint(planned.sync_at, planned.number, _APPLICATION, "", planned.id)
        return planned

    def remove(self, application: Application) -> None:
        """Remove an application, with the executables that it has published."""
        self._world.state.tenant.applications.remove(application.id)
        self._prune(application.id, set())

    def poll(self) -> None:
        """Let the time of a poll pass for clients that wait for templates, if a synchronisation is due."""
        soon = self._world.clock.now() + FIRST_SYNC_SECONDS
        applications = self._world.state.tenant.applications
        if any(each.sync_at is not None and each.sync_at <= soon for each in applications):
            self._world.clock.poll()

    def _wake(self, _: str, name: str, at: float) -> None:
        application = self._world.state.tenant.applications.get(name)
        if application is None or application.sync_at != at:
            return
        synced = self._synced(application, at)
        # After a jump of the clock one synchronisation is enough: the folder has only its present content.
        periods = max((self._world.clock.now() - at) // PERIOD_SECONDS, 1)
        planned = replace(synced, sync_at=at + periods * PERIOD_SECONDS)
        self._world.state.tenant.applications.put(planned)
        self._world.agenda.appoint(planned.sync_at, planned.number, _APPLICATION, "", name)

    # One synchronisation ------------------------------------------------------------------------------------

    def _synced(self, application: Application, at: float) -> Application:
        try:
            manifests = self._manifests(application)
        except _NoManifestsError as error:
            return replace(application, sync_status="Unknown", message=str(error), reconciled_at=at)
        unknown = [each for each in manifests if each.template.api_version != _API_VERSIONS[each.template.kind]]
        if unknown:
            # Argo CD validates all of them before it applies the first.
            results = [_result(each, "SyncFailed", _unknown_version(each.template)) for each in unknown]
            for each in unknown:
                self._mark_failed(each.template.name)
            return _finished(application, at, results, "one or more synchronization tasks are not valid")
        results = []
        last = {each.template.name: each for each in manifests}
        for each in manifests:
            name = each.template.name
            if last[name] is not each:
                times = sum(other.template.name == name for other in manifests)
                resource = f"{_API[each.template.kind]}/{each.template.kind}/{name}"
                message = f"Resource {resource} appeared {times} times among application resources."
                results.append(_result(each, "OutOfSync", message))
            else:
                results.append(self._applied(application, each, at))
        self._prune(application.id, set(last))
        failed = [result for result in results if result.status == "SyncFailed"]
        reason = f"one or more objects failed to apply, reason: {failed[0].message}" if failed else None
        if reason is None and application.sync_status == "Synced" and _unchanged(application, results):
            return replace(application, reconciled_at=at)
        return _finished(application, at, results, reason)

    def _applied(self, application: Application, manifest: TemplateFile, at: float) -> ResourceSync:
        """Apply one template and return the result."""
        template, state = manifest.template, self._world.state
        executable = template.executable
        before = state.published.get(template.name)
        if before and before.application not in (None, application.id):
            message = (
                f"{template.kind}/{template.name} is part of applications {before.application} and {application.id}"
            )
            return _result(manifest, "OutOfSync", message)
        refusal = _refusal(manifest)
        if before is None and refusal is None:
            kind = "serving templates" if executable.deployable else "workflow templates"
            count = sum(item.executable.deployable == executable.deployable for item in state.published.values())
            refusal = quotas.reached(quotas.TEMPLATES, kind) if count >= quotas.TEMPLATES else None
        if refusal is not None:
            self._mark_failed(template.name)
            return _result(manifest, "SyncFailed", refusal)
        if before is None:
            done = "created"
        else:
            same = before.executable == executable and before.modified_at > 0
            done = "unchanged" if same else "configured"
        if done != "unchanged" or (before and before.application is None):
            created = before.created_at if before else at
            modified = before.modified_at if before and done == "unchanged" else at
            covered = before.covered or (before if before.application is None else None) if before else None
            state.published[template.name] = PublishedExecutable(
                executable, created, modified, application.id, covered, template
            )
        elif before:
            state.published[template.name] = replace(before, template=template)  # its code may be new
        return _result(manifest, "Synced", f"{template.kind.lower()}.{_API[template.kind]}/{template.name} {done}")

    def _mark_failed(self, executable_id: str) -> None:
        """Show that an executable could not be brought up to date: its `modifiedAt` is 1970 (documentation)."""
        before = self._world.state.published.get(executable_id)
        if before:
            self._world.state.published[executable_id] = replace(before, modified_at=0.0)

    def _prune(self, application: str, kept: set[str]) -> None:
        published = self._world.state.published
        gone = [name for name, item in published.items() if item.application == application and name not in kept]
        for name in gone if PRUNES else ():
            covered = published.pop(name).covered
            if covered:
                published[name] = covered

    # Reading ------------------------------------------------------------------------------------------------

    def _manifests(self, application: Application) -> list[TemplateFile]:
        url = application.repository_url
        root = self._root(url)
        if not _has_revision(root, application.revision):
            raise _NoManifestsError(
                "rpc error: code = Unknown desc = failed to initialize repository resources: "
                f"Unable to resolve '{application.revision}' to a commit SHA"
            )
        path = application.path
        if path.startswith("/"):
            raise _NoManifestsError(f"rpc error: code = Unknown desc = {path}: app path is absolute")
        try:
            folder = (root / path).resolve()
            exists, is_folder = folder.exists(), folder.is_dir()
        except (OSError, ValueError, RuntimeError):  # not a path of any file system, or a loop of links
            folder, exists, is_folder = root, False, False
        if not exists and _is_loop(root / path):
            raise _NoManifestsError(f"rpc error: code = Unknown desc = {path}: app path is a loop of symbolic links")
        if not folder.is_relative_to(root):
            raise _NoManifestsError(f"rpc error: code = Unknown desc = {path}: app path outside root")
        if not exists:
            raise _NoManifestsError(f"rpc error: code = Unknown desc = {path}: app path does not exist")
        if not is_folder:
            raise _NoManifestsError(f"rpc error: code = Unknown desc = {path}: app path is not a directory")
        try:
            files = sorted(
                each for each in folder.iterdir() if each.suffix.lower() in TEMPLATE_SUFFIXES and each.is_file()
            )
        except OSError as error:
            raise _NoManifestsError(f"rpc error: code = Unknown desc = {path}: {error.strerror}") from None
        return [manifest for file in files for manifest in self._manifests_of(file, root)]

    def _root(self, url: str) -> Path:
        """Return the folder of a repository."""
        tenant = self._world.state.tenant
        mirror = tenant.mirrors.get(url)
        local = _local(url)
        onboarded = any(each.url == url and each.ready_at is None for each in tenant.repositories)
        if not (onboarded or (local and self._world.local_repositories)):
            raise _NoManifestsError(f"application repo {url} is not permitted in project '{TENANT_ID}'")
        root = Path(mirror) if mirror else local if self._world.local_repositories else None
        if root is None:
            raise _NoManifestsError(
                f"rpc error: code = Unknown desc = failed to fetch {url}: the emulator has no network; "
                "map it to a folder with emulator.mirror_repository(url, folder)"
            )
        try:
            found = root.resolve() if root.is_dir() else None
        except (OSError, ValueError):
            found = None
        if found is None:
            raise _NoManifestsError(f"rpc error: code = Unknown desc = repository {url} not found")
        return found

    def _manifests_of(self, file: Path, root: Path) -> list[TemplateFile]:
        from pytest_aicore.workflows.template import template_of
        from pytest_aicore.workflows.yaml.source import parse_all  # late: it brings YAML with it

        if not file.resolve().is_relative_to(root):
            raise _NoManifestsError(
                f"rpc error: code = Unknown desc = repository contains out-of-bounds symlinks. file: {file.name}"
            )
        try:
            status = file.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            known = self._read.get(file)
            if known and known[0] == stamp:
                return known[1]
            documents = parse_all(file.read_bytes(), file.name)
        except (WorkflowError, OSError) as error:
            if getattr(getattr(error, "problem", None), "kind", None) == "empty":
                return []
            reason = str(error).partition("\n")[0]
            raise _NoManifestsError(
                f'rpc error: code = FailedPrecondition desc = Failed to unmarshal "{file.name}": {reason}'
            ) from None
        templates = [template_of(document) for document in documents]
        manifests = [TemplateFile(file.name, template) for template in templates if template is not None]
        self._read[file] = (stamp, manifests)
        return manifests


def _finished(application: Application, at: float, results: list[ResourceSync], message: str | None) -> Application:
    in_sync = message is None and all(result.status == "Synced" for result in results)
    return replace(
        application,
        sync_status="Synced" if in_sync else "OutOfSync",
        message=message or "successfully synced (all tasks run)",
        sync_started_at=at,
        sync_finished_at=at,
        reconciled_at=at,
        resources=tuple(results),
    )


def _unchanged(application: Application, results: list[ResourceSync]) -> bool:
    """Return whether a synchronisation has changed nothing: then Argo CD does not run another."""
    return [result.name for result in results] == [result.name for result in application.resources] and all(
        result.status == "Synced" and result.message.endswith(" unchanged") for result in results
    )


def _result(manifest: TemplateFile, status: str, message: str) -> ResourceSync:
    return ResourceSync(manifest.template.kind, manifest.template.name, status, message)


def _unknown_version(template: Template) -> str:
    group = (template.api_version or "").partition("/")[0] or "core"
    return (
        f"The Kubernetes API could not find {group}/{template.kind} for requested resource {template.name}. "
        f'Make sure the "{template.kind}" CRD is installed on the destination cluster.'
    )


def _refusal(manifest: TemplateFile) -> str | None:
    """Return why Kubernetes would refuse a template, or None."""
    template = manifest.template
    if not template.name:
        return f"error validating data: resource name may not be empty ({manifest.file})"
    if not _SUBDOMAIN.fullmatch(template.name):
        return (
            f'{template.kind}.{_API[template.kind]} "{template.name}" is invalid: metadata.name: Invalid value: '
            f'"{template.name}": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '
            "'-' or '.', and must start and end with an alphanumeric character"
        )
    for field in ("labels", "annotations"):
        for key, node in template.metadata.mapping(field).values.items():
            shape = _SHAPES.get(getattr(node, "kind", "object"))
            if shape is not None:
                return (
                    f"unable to decode {manifest.file!r}: json: cannot unmarshal {shape} into Go struct field "
                    f"ObjectMeta.metadata.{field} of type string (key {key!r})"
                )
    return None


def _local(url: str) -> Path | None:
    """Return the folder that a local URL or path names, or None for other URLs."""
    if url.startswith(("/", "./", "../")):
        return Path(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return None


def _is_loop(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    except ValueError:
        pass
    return False


def _has_revision(root: Path, revision: str) -> bool:
    """Return whether a repository has a revision. The working tree is read, whatever the revision is.

    A folder that is not a Git repository has every revision.
    """
    git = root / ".git"
    if revision in ("", "HEAD") or not git.is_dir():
        return True
    names = {f"refs/heads/{revision}", f"refs/tags/{revision}", f"refs/remotes/origin/{revision}", revision}
    if _REVISION.fullmatch(revision) and ".." not in revision and any((git / name).is_file() for name in names):
        return True
    packed = git / "packed-refs"
    lines = packed.read_text(encoding="utf-8", errors="replace").splitlines() if packed.is_file() else []
    return any(line.partition(" ")[2] in names for line in lines) or bool(re.fullmatch("[0-9a-f]{7,40}", revision))
