"""What a step in a sandbox sees of this machine: programs and their configuration, read-only; nothing of the user's."""

from __future__ import annotations

import os
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.running.engines.engine import Launch
    from pytest_aicore.running.root import Root

_PROGRAMS = ("bin", "lib", "lib32", "lib64", "libx32", "sbin", "usr")
_CONFIGURATION = (
    "alternatives", "bash.bashrc", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version",
    "fonts", "gai.conf", "group", "host.conf", "hosts", "inputrc", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
    "locale.alias", "localtime", "mime.types", "nsswitch.conf", "os-release", "passwd", "pki", "profile", "protocols",
    "resolv.conf", "services", "shells", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone",
)  # fmt: skip
"""Of /etc only what programs need: it also holds keys and passwords, which root and groups can read."""
_OF_MACHINE = tuple(Path("/", name) for name in (*_PROGRAMS, *(f"etc/{name}" for name in _CONFIGURATION)))
_BY_FOLDER = {name: tuple(found) for name, found in groupby(_OF_MACHINE, lambda path: path.parts[1])}
_AGAIN = Path("/run/host/usr")
"""Where a step finds all of /usr once more, where its image has files among those of this machine."""
_MANY = 100
"""From here on links are faster than mounts."""
_OF_KERNEL = ("/proc/", "/dev/", "/sys/")
_SWITCHES = ("acpi", "bus", "fs", "irq", "mtrr", "pressure", "scsi", "sys", "sysrq-trigger")
"""Of /proc: they change the whole machine. If root starts the tests, files of root count as the step's own."""


def is_of_machine(path: str) -> bool:
    """Return whether a path shows what this machine, or its kernel, has there, as far as a step cannot change it.

    Args:
        path: as the step writes it.
    """
    return Path(path) in _OF_MACHINE or path == "/" or f"{path}/".startswith(_OF_KERNEL)


def bound(path: Path) -> list[str]:
    """Return the options that show a path of this machine, read-only.

    Args:
        path: on this machine, and in the sandbox.
    """
    return ["--ro-bind", str(path), str(path)]


def links() -> Iterator[str]:
    """Yield the options for those of the system's folders that are links, `/bin` to `usr/bin`, or are not in /usr."""
    for name in _PROGRAMS:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir() and name != "usr":
            yield from bound(path)


def file_system(launch: Launch) -> Iterator[str]:
    """Yield the options for all that a step sees.

    Args:
        launch: the step.
    """
    yield from ("--bind", str(launch.root.folder), "/")
    for folder, paths in _BY_FOLDER.items():
        if os.path.lexists(launch.root.folder / folder):
            for path in paths:
                yield from _layer(path, launch.root)
        else:
            yield from _shown_whole(paths)
    for folder in _programs(launch):
        if not folder.is_relative_to("/usr"):
            yield from bound(folder)
    yield from ("--proc", "/proc", "--dev", "/dev", *bound(Path("/sys")))
    for name in _SWITCHES:
        if Path("/proc", name).exists():
            yield from bound(Path("/proc", name))
    for volume, is_closed in launch.mounts.items():
        place = launch.root.place(volume, follow=True)
        inside = Path("/", place.relative_to(launch.root.folder))
        yield from ("--ro-bind" if is_closed else "--bind", str(place), str(inside))


def _programs(launch: Launch) -> tuple[Path, ...]:
    """Return the folders of the Python that the step finds."""
    return () if launch.image.python is None else launch.image.python.folders


def make_ways(launch: Launch) -> None:
    """Make the folders above the programs, closed: a step must not write where its image has no folder.

    Args:
        launch: the step.

    Raises:
        OSError: something else is there.
    """
    outside = [folder for folder in _programs(launch) if not folder.is_relative_to("/usr")]
    places = [launch.root.folder / folder.relative_to("/") for folder in outside]
    above = {parent for place in places for parent in place.parents if parent.is_relative_to(launch.root.folder)}
    missing = [folder for folder in above if not folder.exists()]
    for folder in sorted(missing):
        folder.mkdir()
    for place in places:
        place.mkdir(exist_ok=True)
    for folder in missing:
        folder.chmod(0o555)


def _layer(path: Path, root: Root) -> Iterator[str]:
    """Yield the options that show a path of this machine, except where the step has something of its own."""
    own = root.folder / path.relative_to("/")
    if not os.path.lexists(own):
        yield from _shown(path)
    elif own.is_dir() and path.is_dir() and not own.is_symlink():
        if not _share_folders(own, path):
            if path.is_symlink():
                yield from _linked(path, own, path.resolve())
                return
            if path.is_relative_to("/usr") and len(_names(path)) > _MANY:
                yield from ("--ro-bind", "/usr", str(_AGAIN))
                yield from _linked(path, own, _AGAIN / path.relative_to("/usr"))
                return
        for child in sorted(path.iterdir()):
            yield from _layer(child, root)


def _share_folders(own: Path, path: Path) -> bool:
    return any(child.is_dir() and os.path.lexists(path / child.name) for child in own.iterdir())


def _linked(path: Path, own: Path, real: Path) -> Iterator[str]:
    """Yield the options for a folder with files of the image, and links to all that this machine has there.

    A mount for each program would take a second and more.

    Args:
        path: the folder.
        own: what the image has there.
        real: where the step finds what this machine has there.
    """
    yield from ("--tmpfs", str(path))
    for child in sorted(own.iterdir()):
        at = str(path / child.name)
        yield from ("--symlink", str(child.readlink()), at) if child.is_symlink() else ("--bind", str(child), at)
    for name in _names(path):
        if not os.path.lexists(own / name):
            yield from ("--symlink", str(real / name), str(path / name))
    yield from ("--remount-ro", str(path))


@cache
def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(os.listdir(folder)))  # noqa: PTH208 - many


def _shown(path: Path) -> tuple[str, ...]:
    """Return the options that show a path of this machine, if it exists."""
    if path.is_symlink() and path.parent != Path("/etc"):
        return ("--symlink", str(path.readlink()), str(path))
    # A link in /etc may lead to /run, which is hidden: what it leads to is shown.
    return tuple(bound(path)) if path.exists() else ()


@cache
def _shown_whole(paths: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the options that show paths of this machine: looked for once, since each step waits for dozens of them."""
    return tuple(option for path in paths for option in _shown(path))


__all__ = ["bound", "file_system", "is_of_machine", "links", "make_ways"]
