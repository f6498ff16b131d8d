"""What the commands that carry workflows out on this machine have in common: their options, and how they warn."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.cli.project import project_settings
from pytest_aicore.errors import SettingsError
from pytest_aicore.local.choices import LocalChoices
from pytest_aicore.local.secrets_file import read_config_maps, read_secrets
from pytest_aicore.objects.s3_address import SCHEME, s3_address
from pytest_aicore.printable import say
from pytest_aicore.redact import redact
from pytest_aicore.running.known_images import ON_THE_COMMAND_LINE
from pytest_aicore.service_facts import DEFAULT_STORE
from pytest_aicore.session.local_choices import choices_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_aicore.cli.chosen import Chosen
    from pytest_aicore.objects.s3_address import S3Address

_INI_FILES = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "pyproject.toml", "tox.ini", "setup.cfg")
"""Where pytest looks for settings."""
OUTPUT = "aicore-output"
"""The folder for outputs where no other is named; each run gets a folder of its own in it."""


def pairs(option: str, given: Sequence[str], meaning: str, *, may_be_empty: bool = False) -> dict[str, str]:
    """Return what an option that may be given several times says, by name.

    Args:
        option: the option.
        given: `NAME=VALUE`.
        meaning: what it expects, for messages.
        may_be_empty: whether nothing is a value; as a path it would be the current folder.

    Raises:
        SettingsError: a value is not of that form, or a name is given twice.
    """
    found: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not (name and equals and (value or may_be_empty)):
            raise SettingsError(f"{option} {pair!r}: expected {meaning}.")
        if name in found:
            raise SettingsError(f"{option} {name!r} is given twice.")
        found[name] = value
    return found


def folders(option: str, given: Sequence[str], meaning: str) -> dict[str, Path]:
    """Return the folders that an option names.

    Args:
        option: the option.
        given: `NAME=FOLDER`.
        meaning: what it expects, for messages.

    Raises:
        SettingsError: as `pairs`, or there is no such folder.
    """
    return {name: _folder(option, name, folder) for name, folder in pairs(option, given, meaning).items()}


def stores(given: Sequence[str]) -> dict[str, Path | S3Address]:
    """Return what takes the place of object stores, by the names of their secrets.

    Args:
        given: the values of `--local-store`; a value without a name is that of `default`.

    Raises:
        SettingsError: as `folders`, or something is neither a folder nor a place in S3.
    """
    option = "--local-store"
    named = [each if "=" in each.partition(SCHEME)[0] else f"{DEFAULT_STORE}={each}" for each in given]
    found: dict[str, Path | S3Address] = {}
    for name, place in pairs(option, named, "NAME=FOLDER or NAME=s3://BUCKET/PREFIX").items():
        found[name] = _s3(option, name, place) if place.startswith(SCHEME) else _folder(option, name, place)
    return found


def _s3(option: str, name: str, place: str) -> S3Address:
    try:
        return s3_address(place)
    except ValueError as error:
        raise SettingsError(f"{option} {name}={place}: {error}") from None


def _folder(option: str, name: str, folder: str) -> Path:
    if not Path(folder).is_dir():
        raise SettingsError(f"{option} {name}={folder}: there is no such folder.")
    return Path(folder)


def choices(chosen: Chosen, store: Sequence[str] = ()) -> LocalChoices:
    """Return what options choose; what they do not say, the settings of the project in the current folder do.

    Args:
        chosen: the options.
        store: the values of `--local-store`.

    Raises:
        SettingsError: something that is asked for cannot be.
    """
    images = folders("--image", chosen.images, "PATTERN=FOLDER")
    project = _of_project(Path.cwd())
    return replace(
        project,
        engine=chosen.engine or project.engine,
        images={**images, **{name: folder for name, folder in project.images.items() if name not in images}},
        store={**project.store, **stores(store)},
        secrets=project.secrets if chosen.secrets is None else read_secrets(chosen.secrets, "--secrets"),
        config_maps=project.config_maps
        if chosen.config_maps is None
        else read_config_maps(chosen.config_maps, "--config-maps"),
        may_substitute=chosen.may_substitute or project.may_substitute,
        network=project.network and not chosen.no_network,
        limits_memory=project.limits_memory if chosen.memory is None else chosen.memory == "plan",
        asked=ON_THE_COMMAND_LINE,
    )


@cache  # `--watch` starts at once
def _of_project(folder: Path) -> LocalChoices:
    if not any((place / name).is_file() for place in (folder, *folder.parents) for name in _INI_FILES):
        return LocalChoices()  # pytest, which takes a moment, would find nothing
    settings = project_settings()
    return LocalChoices() if settings is None else choices_of(settings)


def warn(sentence: str) -> None:
    """Print a warning.

    Args:
        sentence: what happened.
    """
    with suppress(OSError):  # standard error is closed
        say(f"pytest-aicore: {redact(sentence)}", sys.stderr)


__all__ = ["OUTPUT", "choices", "folders", "pairs", "warn"]
