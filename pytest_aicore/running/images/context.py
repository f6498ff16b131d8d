"""COPY and ADD: from the folder of a Dockerfile into the files of an image."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pytest_aicore.errors import ImageError, did_you_mean
from pytest_aicore.running.copying import UnusualFileError, copy, remove, require_usual
from pytest_aicore.running.images.ignored import ignored_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_aicore.running.root import Root


class Context:
    """The folder from which COPY and ADD copy; nothing outside of it is reached.

    Args:
        folder: the folder with the Dockerfile.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._is_ignored = ignored_in(self.folder)

    def copy(self, sources: Sequence[str], target: str, root: Root, place: str, mode: int | None) -> None:
        """Copy files and folders as Docker does: what is in a folder, not the folder itself.

        Args:
            sources: patterns, relative to the folder.
            target: an absolute path in the image; a folder if it ends in `/`.
            root: the files of the image.
            place: of the instruction, for messages: file and line.
            mode: the permissions of the copies, None to leave those of the sources.

        Raises:
            ImageError: a source does not exist or cannot be read.
        """
        found = [path for source in sources for path in self._matching(source, place)]
        is_folder = target.endswith("/") or len(found) > 1 or len(sources) > 1
        if len(sources) > 1 and not target.endswith("/"):
            raise ImageError(f"{place}: with several sources the target must end in /: {target!r}")
        try:
            for path in found:
                for copied in self._copy(path, target, root, is_folder=is_folder):
                    if mode is not None:
                        copied.chmod(mode)
        except (OSError, UnusualFileError) as error:
            raise ImageError(f"{place}: cannot be copied: {error}") from None

    def _matching(self, source: str, place: str) -> list[Path]:
        parts = [part for part in PurePosixPath(source.lstrip("/")).parts if part != "."]
        if ".." in parts:
            raise ImageError(f"{place}: {source!r} leads out of the folder of the Dockerfile, {self.folder}")
        pattern = "/".join(parts)
        if not pattern:
            return [self.folder]
        has_wildcard = any(sign in pattern for sign in "*?[")
        candidates = sorted(self.folder.glob(pattern)) if has_wildcard else [self.folder / pattern]
        existing = [path for path in candidates if path.exists() and self._is_here(path)]
        found = [path for path in existing if self._has_any(path)]
        if not found:
            raise ImageError(f"{place}: {source!r} {self._why_missing(pattern, candidates, existing)}")
        return found

    def _why_missing(self, pattern: str, candidates: list[Path], existing: list[Path]) -> str:
        if existing:
            return f"is left out by .dockerignore in {self.folder}."
        if any(path.is_symlink() for path in candidates):
            return f"is a link that leads out of {self.folder}, or nowhere."
        beside = (self.folder / pattern).parent
        near = did_you_mean(PurePosixPath(pattern).name, [path.name for path in beside.glob("*")])
        return f"does not exist in {self.folder}.{near}"

    def _is_here(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.folder)

    def _has_any(self, path: Path) -> bool:
        return path.is_dir() or not self._is_ignored(self._name(path))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _copy(self, path: Path, target: str, root: Root, *, is_folder: bool) -> Iterator[Path]:
        below = f"{target.rstrip('/')}/"
        if path.is_dir():
            root.make_folder(target)
            for child in sorted(path.iterdir()):
                yield from self._copy_below(child, root, below + child.name)
        else:
            is_into = is_folder or root.place(target, follow=True).is_dir()
            yield from self._copy_below(path.resolve(), root, below + path.name if is_into else target, is_named=True)

    def _copy_below(self, path: Path, root: Root, to: str, *, is_named: bool = False) -> Iterator[Path]:
        """Copy, and yield each file that was copied; links are not among them."""
        name = self._name(path)
        if path.is_dir() and not path.is_symlink():
            children = sorted(path.iterdir())
            if not self._is_ignored(name):
                root.make_folder(to)
            for child in children:  # below a folder that is left out there may be exceptions
                yield from self._copy_below(child, root, f"{to}/{child.name}")
        elif is_named or not self._is_ignored(name):
            parent = root.make_folder(str(PurePosixPath(to).parent))
            place = parent / PurePosixPath(to).name
            remove(place)
            if path.is_symlink():
                place.symlink_to(path.readlink())
            else:
                require_usual(path, name)
                copy(path, place)
                yield place


__all__ = ["Context"]
