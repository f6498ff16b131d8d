"""Whether pytest found the project: it looks for rootdir and ini file before it knows the options of plugins.

Until a plugin is loaded, `--aicore-service-key /elsewhere/key.json` is an unknown option and the path of a test. If the
path exists, pytest looks for the ini file there, and the project's own, with its budget and the resource groups that it
allows, is not read. `--aicore-service-key=/elsewhere/key.json` is one word and cannot be misread.
"""

from __future__ import annotations

import inspect
import os
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

# What pytest does with its arguments has no public name; the lowest and the newest version are tried.
from _pytest.config.findpaths import determine_setup

from pytest_aicore.config.options import OPTIONS
from pytest_aicore.echo import exists

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest


class _Setup(NamedTuple):
    """What pytest derives from the paths of tests on the command line."""

    rootdir: Path
    ini: Path | None


def misread(config: pytest.Config) -> str | None:
    """Return what pytest misread, with what to write instead; None if it found what it was meant to find.

    Args:
        config: of pytest, when all plugins have declared their options.
    """
    if hasattr(config, "workerinput"):
        return None  # a worker of pytest-xdist gets rootdir from the controller
    arguments = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *map(os.fspath, config.invocation_params.args)]
    if not any(word.startswith("-") for word in arguments):
        return None
    used, meant = _Setup(config.rootpath, config.inipath), _meant(config, arguments)
    if used == meant:
        return None
    what = (
        f"rootdir is {used.rootdir} instead of {meant.rootdir}"
        if used.ini == meant.ini
        else f"it read {used.ini or 'no ini file'} instead of {meant.ini or 'none'}"
    )
    apart = list(_apart(arguments, config.invocation_params.dir))
    return (
        f"{', '.join(f'{flag} {value}' for flag, value in apart) or 'An option of a plugin'}: pytest looks for its ini"
        " file before it knows the options of plugins, and took the value for the path of a test:"
        f" {what}. Write {' '.join(f'{flag}={value}' for flag, value in apart) or '--option=VALUE, without a space'}."
    )


def _meant(config: pytest.Config, arguments: list[str]) -> _Setup:
    """Return what pytest would have found if it had known all options when it looked."""
    known, rest = config._parser.parse_known_and_unknown_args(arguments)  # noqa: SLF001  nowhere else
    given = {
        "inifile": known.inifilename,
        "override_ini": None,  # since pytest 9; it does not change where files are searched
        "args": [*known.file_or_dir, *rest],
        "rootdir_cmd_arg": known.rootdir or None,
        "invocation_dir": config.invocation_params.dir,
    }
    takes = inspect.signature(determine_setup).parameters
    found = determine_setup(**{name: value for name, value in given.items() if name in takes})
    return _Setup(found[0], found[1])


def _apart(arguments: Iterable[str], directory: Path) -> Iterable[tuple[str, str]]:
    """Yield our options whose value is a word of its own and the path of something, each with the value."""
    flags = {option.flag for option in OPTIONS if option.metavar is not None}
    for flag, value in pairwise(arguments):
        if flag in flags and exists(directory / value.partition("::")[0]):
            yield flag, value
