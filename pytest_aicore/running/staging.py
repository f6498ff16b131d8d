"""Puts what a step reads into its root: artifacts, empty folders, the source of a script."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_aicore.running.archives import ArchiveError, unpack
from pytest_aicore.running.copying import UnusualFileError, remove, require_usual_tree

if TYPE_CHECKING:
    from pytest_aicore.running.pods import Archive, ArtifactIn, Pod, Stored
    from pytest_aicore.running.root import Root

SCRIPT = "/argo/staging/script"
"""Where Argo puts the source of a script template (argo-workflows, workflow/common/common.go)."""
_SCRIPT_MODE = 0o755
"""From the same source: a script without command is run by its first line."""


class StagingError(Exception):
    """An input cannot be put where the step expects it; the message is Argo's."""


def stage(pod: Pod, root: Root) -> None:
    """Put everything into the root that the template gives to the step.

    Args:
        pod: the pod.
        root: its root, with what the image has.

    Raises:
        StagingError: an artifact cannot be loaded.
        OSError: something cannot be written.
    """
    for path in pod.empty_dirs:
        folder = root.make_folder(path)
        remove(folder)  # a volume hides what the image has there
        folder.mkdir()
        folder.chmod(0o777)
    for artifact in pod.artifacts_in:
        _load(artifact, root)
    for path in pod.closed_dirs:
        root.make_folder(path).chmod(0o555)
    if pod.workdir is not None:
        root.make_folder(pod.workdir)  # the container runtime makes it (runc, libcontainer/rootfs_linux.go)
    if pod.script is not None:
        script = root.make_folder(os.path.dirname(SCRIPT)) / os.path.basename(SCRIPT)  # noqa: PTH119, PTH120
        script.write_text(pod.script, encoding="utf-8")
        script.chmod(_SCRIPT_MODE)


def _load(artifact: ArtifactIn, root: Root) -> None:
    failed = f"Error (exit code 1): artifact {artifact.name} failed to load"
    try:
        if artifact.source is not None:
            _put(artifact, artifact.source, root)
    except (ArchiveError, UnusualFileError) as error:
        raise StagingError(f"{failed}: {error}") from None
    except OSError as error:
        raise StagingError(f"{failed}: {error.filename or artifact.path}: {error.strerror or error}") from None


def _put(artifact: ArtifactIn, source: Stored | bytes, root: Root) -> None:
    place = root.place(artifact.path)
    if place == root.folder:
        raise UnusualFileError("its path is the root of the file system")
    root.make_folder(os.path.dirname(artifact.path.rstrip("/")))  # noqa: PTH120 - a path of the step
    remove(place)  # what is mounted hides what the image has there
    if isinstance(source, bytes):
        place.write_bytes(source)
    else:
        require_usual_tree(source.path, str(source.path))
        unpack(source.path, _archive(artifact, source), place)
    if artifact.mode is not None:
        below = place.rglob("*") if artifact.is_mode_of_all and place.is_dir() else ()
        for each in (*below, place):
            if not each.is_symlink():
                each.chmod(artifact.mode)


def _archive(artifact: ArtifactIn, source: Stored) -> Archive:
    """Return how the source is packed: who wrote it knows; of what the caller gives, the template says it."""
    return artifact.archive if source.archive == "none" else source.archive


__all__ = ["SCRIPT", "StagingError", "stage"]
