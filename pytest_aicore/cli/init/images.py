"""Which folder has the code of which image: what a first test needs in order to train on this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.searching import folders_below, folders_shared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_aicore.workflows import Template

_SCRIPT: Final = re.compile(r"[\w-]+\.(?:py|sh|R|jl|ipynb)\b")
_UNKNOWN: Final = re.compile(r"\{\{|\$\{")
"""What only a run, or another tool, puts into the name of an image."""


def dockerfile_folders(root: Path) -> Mapping[Path, frozenset[str]]:
    """Return the folders below a folder that have a `Dockerfile`, each with the names of the files in and below it.

    Args:
        root: the folder.
    """
    files = dict(folders_below(root))
    return {
        folder: frozenset(name for below, more in files.items() if below.is_relative_to(folder) for name in more)
        for folder, names in files.items()
        if "Dockerfile" in names
    }


def folders_of_images(template: Template, folders: Mapping[Path, frozenset[str]]) -> dict[str, Path]:
    """Return for the images of a workflow the folder with the Dockerfile, where one fits best.

    A folder fits that has a script which the workflow calls, or words of the image's name in its own, or is the only
    one; of several the one that is nearest to the workflow.

    Args:
        template: the workflow.
        folders: what there is to choose from, as `dockerfile_folders` returns it.
    """
    if template.path is None:
        return {}
    home = template.path.parent
    scripts = set(_SCRIPT.findall(template.document.text))
    found: dict[str, Path] = {}
    for image in dict.fromkeys(template.executable.images):
        if _UNKNOWN.search(image):
            continue
        words = _words(_repository(image).rpartition("/")[2])
        ranked = sorted(
            (
                (
                    bool(scripts & files),
                    len(words & _words(folder.name)),
                    folders_shared(folder, home),
                    -len(folder.parts),
                ),
                folder,
            )
            for folder, files in folders.items()
        )
        if not ranked:
            continue
        best, folder = ranked[-1]
        is_alone = len(ranked) == 1 or ranked[-2][0] < best
        if is_alone and (best[0] or best[1] or len(ranked) == 1):
            found[image] = folder
    return found


def pattern_of(image: str) -> str:
    """Return the pattern of an image in `aicore_local_images`: any tag of it.

    Args:
        image: as the workflow names it.
    """
    repository = _repository(image)
    return image if repository == image else f"{repository}:*"


def data_of(name: str, root: Path, service: Path, *, is_only: bool) -> Path | None:
    """Return the folder or file with the data of an input artifact, None if none is called like it.

    Args:
        name: of the input artifact.
        root: the folder of the project.
        service: the folder of the workflow's own code, in which is looked first.
        is_only: whether the workflow has no other input artifact, so that a folder `data` can be meant.
    """
    for place in dict.fromkeys((service, root)):
        below = [folder for folder, _ in folders_below(place) if folder != place]
        for wanted in ({_plain(name)}, {"data", "dataset", "datasets"} if is_only else set[str]()):
            fitting = [folder for folder in below if _plain(folder.name) in wanted and any(folder.iterdir())]
            if fitting:
                return _innermost(fitting[0])
    return None


def _innermost(folder: Path) -> Path:
    """Return the folder that has the files, where there is only one folder on the way."""
    while True:
        entries: Sequence[Path] = [each for each in folder.iterdir() if not each.name.startswith(".")]
        if len(entries) != 1 or not entries[0].is_dir():
            return folder
        folder = entries[0]


def _repository(image: str) -> str:
    """Return the name of an image without tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.split(r"[\W_]+", name) if len(word) > 1}


__all__ = ["data_of", "dockerfile_folders", "folders_of_images", "pattern_of"]
