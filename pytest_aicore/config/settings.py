"""Settings, each with its source (option > environment > ini > default).

It does not depend on pytest: `hooks/context.py` passes in the given values, tests pass in dictionaries.
"""

from __future__ import annotations

import math
import os
import re
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_aicore.config.options import OPTIONS, Settings
from pytest_aicore.config.setting import Setting
from pytest_aicore.echo import exists, is_content, is_glob, parts_shown, shown
from pytest_aicore.errors import SettingsError, did_you_mean, listing
from pytest_aicore.placeholders import LEFT, NAME, to_fill_in
from pytest_aicore.service_facts import DEFAULT_STORE, RESOURCE_GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_aicore.config.options import Option
    from pytest_aicore.objects.s3_address import S3Address
    from pytest_aicore.redact import Secret
    from pytest_aicore.training.live.budget import Price

T = TypeVar("T")

OFFLINE_HOST = "https://api.ai.aicore.invalid"
"""Where the emulator answers; repeated here so that the header need not import the emulator."""

_SECONDS_EXPECTED = "expected a number of seconds greater than 0, for example 3600."
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off", "")


class Given:
    """Where settings are looked up.

    Args:
        option: the value of a command line option by its `dest`, None if it was not given.
        environment: the environment variables.
        ini: the value of an ini by its name, None if it was not given; raises `ValueError` for what
            pytest itself cannot read.
        directory: what a relative path on the command line or in the environment is relative to.
        ini_directory: what a relative path in the ini file is relative to.
        root: what a default path is relative to.
    """

    __slots__ = ("directory", "environment", "ini", "ini_directory", "option", "root")

    def __init__(
        self,
        option: Callable[[str], object],
        environment: Mapping[str, str],
        ini: Callable[[str], object],
        directory: Path,
        ini_directory: Path,
        root: Path,
    ) -> None:
        self.option = option
        self.environment = environment
        self.ini = ini
        self.directory = directory
        self.ini_directory = ini_directory
        self.root = root


def read_settings(given: Given) -> Settings:
    """Return the settings of a session.

    Args:
        given: where settings are read from.

    Raises:
        SettingsError: a value cannot be used; the message names its source.
    """
    found = [(option, _look_up(option, given)) for option in OPTIONS]
    settings = Settings()
    for option, its in found:
        setattr(settings, option.name, _read(its, READERS[option.reads], _from_root(option.default, given.root)))
    _choose_world(settings)
    if settings.live.value:
        _require_resource_group(settings, given.environment)
    _refuse_output_in_workflows(settings)
    _refuse_contracts_in_workflows(settings, given.root)
    return settings


def _from_root(default: Any, root: Path) -> Any:
    """Return a default; a relative path is relative to the project's root."""
    if isinstance(default, tuple):
        return tuple(_from_root(each, root) for each in default)
    return root / default if isinstance(default, Path) else default


def _choose_world(settings: Settings) -> None:
    """Let one of live and local count: what stands on the command line, else live, which somebody pays for.

    Raises:
        SettingsError: both stand on the command line.
    """
    live, local = settings.live, settings.local
    if not (live.value and local.value):
        return
    named = [each for each in (live, local) if each.source.startswith("--")]
    if len(named) == 2:
        raise SettingsError(
            f"{local.source}: not together with {live.source}: trainings are carried out on this machine, or on the"
            " real SAP AI Core."
        )
    if named == [local]:
        settings.live = Setting(False, "default")
    else:
        settings.local = Setting(False, "default")


class _Found:
    __slots__ = ("base", "source", "value")

    def __init__(self, value: object, source: str, base: Path) -> None:
        self.value = value
        self.source = source
        self.base = base


def _look_up(option: Option, given: Given) -> _Found | None:
    if option.flag is not None:
        value = given.option(option.dest)
        if value is not None:
            return _Found(value, option.flag, given.directory)
    if option.environment is not None:
        # CI systems set an empty variable for a missing secret.
        text = given.environment.get(option.environment, "")
        if text.strip():
            return _Found(text, f"environment {option.environment}", given.directory)
    if option.ini is not None:
        try:
            value = given.ini(option.ini)
        except ValueError as error:
            hint = f"; {_SECONDS_EXPECTED}" if option.ini_type == "number" else ""
            # pytest repeats the value.
            raise SettingsError(f"ini {option.ini}: {shown(error)}{hint}") from None
        if value not in (None, "", []):
            return _Found(value, f"ini {option.ini}", given.ini_directory)
    return None


def _read(found: _Found | None, convert: Callable[[_Found], T], default: T) -> Setting[T]:
    if found is None:
        return Setting(default, "default")
    try:
        return Setting(convert(found), found.source)
    except ValueError as error:
        value = found.value
        told = ", ".join(parts_shown([*map(str, value)])) if isinstance(value, (list, tuple)) else shown(value)
        raise SettingsError(f"{found.source} = {told}: {error}") from None


def _switch(found: _Found) -> bool:
    if isinstance(found.value, bool):
        return found.value
    word = str(found.value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("expected 1, true, yes or on, or 0, false, no or off.")


def _lines(found: _Found) -> tuple[str, ...]:
    lines = found.value if isinstance(found.value, (list, tuple)) else str(found.value).splitlines()
    return tuple(line for line in (str(line).strip() for line in lines) if line)


def _seconds(found: _Found) -> float:
    try:
        return positive_seconds(float(str(found.value)))
    except ValueError:
        raise ValueError(_SECONDS_EXPECTED) from None


def positive_seconds(value: float) -> float:
    """Return the value if it is a duration that can be waited.

    Args:
        value: seconds.

    Raises:
        ValueError: it is not a number greater than 0.
    """
    if not (math.isfinite(value) and value > 0):
        raise ValueError(value)
    return float(value)


def _count(found: _Found) -> int:
    try:
        count = int(str(found.value))
    except ValueError:
        count = 0
    if count < 1:
        raise ValueError("expected a whole number, 1 or more.")
    return count


def _duration(found: _Found) -> float:
    from pytest_aicore.training.live.budget import parse_duration

    return parse_duration(str(found.value))


def _moment(found: _Found) -> float:
    from datetime import datetime

    expected = "expected a date-time with its zone, from 1970 on, for example 2025-01-01T00:00:00Z."
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]\Z", "+00:00", str(found.value).strip()))
    except ValueError:
        raise ValueError(expected) from None
    if moment.tzinfo is None or moment.timestamp() < 0:
        raise ValueError(expected)
    return moment.timestamp()


def _prices(found: _Found) -> dict[str, Price]:
    from pytest_aicore.training.live.budget import parse_price

    return dict(parse_price(line) for line in _lines(found))


def _require_resource_group(settings: Settings, environment: Mapping[str, str]) -> None:
    """Make sure that the user has named the resource group in which money may be spent."""
    from pytest_aicore.training.service.credentials import resource_group_of_profile

    if settings.resource_group.is_default:
        found = resource_group_of_profile(environment)
        if found is None:
            raise SettingsError(
                f"{settings.live.source}: no resource group is named, and live trainings cost money where they run."
                f" Name it with --aicore-resource-group={NAME}, the environment variable AICORE_RESOURCE_GROUP, or ini"
                " aicore_resource_group."
            )
        name, source = found
        settings.resource_group = _read(_Found(name, source, Path()), _resource_group, name)
    allowed, group = settings.live_resource_groups, settings.resource_group
    if allowed.value and group.value not in allowed.value:
        names = parts_shown(allowed.value)
        raise SettingsError(
            f"{group.source} = {shown(group.value)}: live sessions may not use this resource group."
            f"{did_you_mean(group.value, names)} {allowed.source} allows {listing(names)}."
        )


def _resource_group(found: _Found) -> str:
    return resource_group_named(str(found.value))


def resource_group_named(name: str) -> str:
    """Return the name if it is a valid name of a resource group.

    Args:
        name: what was given.

    Raises:
        ValueError: it is not; the message does not repeat it.
    """
    if name == NAME or to_fill_in(name, wholly=True) is not None:
        raise ValueError(f"it {LEFT}")
    if re.fullmatch(RESOURCE_GROUP, name) is None:
        raise ValueError(
            "a resource group has 3 to 253 letters, digits, dots and hyphens, and begins and ends with a letter or"
            " digit."
        )
    return name


def _path(found: _Found) -> Path:
    text = str(found.value)
    path = found.base / Path(text).expanduser()
    if is_content(text) and not exists(path):
        raise _content_given()
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # the code that needs the file reports it
    except OSError as error:
        raise ValueError(f"{error.strerror}.") from None
    return path


def _content_given() -> ValueError:
    from pytest_aicore.training.service.credentials import CONTENT_VARIABLE

    return ValueError(
        "expected a path, but this is the content of a file. The content of a service key belongs into the"
        f" environment variable {CONTENT_VARIABLE}."
    )


def _workflow_folders(found: _Found) -> tuple[Path, ...]:
    """Return the folders that paths and globs mean, each once; of a glob without a folder, the glob itself."""
    lines = [*found.value] if isinstance(found.value, (list, tuple)) else [str(found.value)]
    for line, told in zip(lines, parts_shown(lines), strict=True):
        if told != line and len(lines) > 1 and not (is_glob(line) or exists(found.base / line)):
            raise _content_given()  # a line of a key may look like a path
    folders: dict[Path, Path] = {}
    for line in lines:
        path = _path(_Found(line, found.source, found.base))
        for folder in _matching(line, found.base) or [path]:
            folders.setdefault(folder.resolve(), folder)
    return tuple(folders.values())


def _matching(line: str, base: Path) -> list[Path]:
    """Return the folders that a glob means; none if it is a plain path."""
    if not is_glob(line) or exists(base / line):
        return []
    pattern = os.path.expanduser(line)  # noqa: PTH111  it may be a pattern
    names = sorted(glob(pattern, root_dir=base, recursive=True))  # noqa: PTH207  which finds hidden folders as well
    return [folder for name in names if (folder := base / name).is_dir()]


def _service_key(found: _Found) -> Path | Secret:
    from pytest_aicore.training.service.credentials import CONTENT_VARIABLE, content_or_file

    if found.source == f"environment {CONTENT_VARIABLE}":
        return content_or_file(str(found.value), found.base)
    return _path(found)


def _refuse_output_in_workflows(settings: Settings) -> None:
    for setting in (getattr(settings, option.name) for option in OPTIONS if option.reads == WRITTEN_FILE):
        folder = None if setting.value is None else folder_around(setting.value, settings.workflows.value)
        if folder is not None:
            raise SettingsError(f"{setting.source} = {shown(setting.value)}: {OUTPUT_IN_WORKFLOWS.format(folder)}")


def _refuse_contracts_in_workflows(settings: Settings, root: Path) -> None:
    contracts = settings.contracts.value
    workflows = None if contracts is None else folder_around(contracts, settings.workflows.value)
    if contracts is None or workflows is None:
        return
    if workflows.resolve() == root.resolve() != contracts.resolve():
        return  # the workflows are in the project's root: AI Core's Git sync does not read its sub-folders
    raise SettingsError(
        f"{settings.contracts.source} = {shown(contracts)}: the golden contracts would be in the workflows folder"
        f" {workflows}, which AI Core's Git sync reads. Keep them elsewhere."
    )


OUTPUT_IN_WORKFLOWS = (
    "the file would be in the workflows folder {}, which AI Core's Git sync reads. Write it elsewhere."
)


def folder_around(path: Path, folders: Iterable[Path]) -> Path | None:
    """Return the first folder that a path is inside of, after symbolic links are followed; None if there is none."""
    real = path.resolve()
    return next((folder for folder in folders if real.is_relative_to(folder.resolve())), None)


def _engine(found: _Found) -> str:
    name = str(found.value).strip()
    if name not in LOCAL_ENGINES:
        raise ValueError(
            f"unknown engine; expected one of {listing(LOCAL_ENGINES)}.{did_you_mean(name, LOCAL_ENGINES)}"
        )
    return name


def _memory(found: _Found) -> str:
    word = str(found.value).strip()
    if word not in MEMORY_LIMITS:
        raise ValueError(f"expected one of {listing(MEMORY_LIMITS)}.{did_you_mean(word, MEMORY_LIMITS)}")
    return word


def _folders(found: _Found) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    lines = _lines(found)
    # One line of a key that came into the wrong setting may not look like a secret.
    for line, told in zip(lines, parts_shown(lines), strict=True):
        name, _, folder = (part.strip() for part in line.rpartition("="))
        if not (name and folder):
            raise ValueError(f"{told!r}: expected NAME = FOLDER.")
        if name in folders:
            raise ValueError(f"{told!r} is the second folder of one name.")
        folders[name] = _folder(folder, found, told)
    return folders


def _stores(found: _Found) -> dict[str, Path | S3Address]:
    from pytest_aicore.objects.s3_address import SCHEME

    stores: dict[str, Path | S3Address] = {}
    lines = _lines(found)
    for line, told in zip(lines, parts_shown(lines), strict=True):
        named = "=" in line.partition(SCHEME)[0]
        name, place = (part.strip() for part in line.split("=", 1)) if named else (DEFAULT_STORE, line)
        if not (name and place):
            raise ValueError(f"{told!r}: expected NAME = FOLDER, or NAME = s3://BUCKET/PREFIX.")
        if name in stores:
            raise ValueError(f"{told!r} is the second value of one name.")
        stores[name] = _s3(place, told) if place.startswith(SCHEME) else _folder(place, found, told)
    return stores


def _s3(text: str, told: str) -> S3Address:
    from pytest_aicore.objects.s3_address import s3_address

    try:
        return s3_address(text)
    except ValueError as error:
        raise ValueError(f"{told!r}: {error}") from None


def _folder(text: str, found: _Found, told: str) -> Path:
    folder = found.base / os.path.expanduser(text)  # noqa: PTH111  which raises for no text
    if not exists(folder) or not folder.is_dir():
        raise ValueError(f"{told!r}: there is no such folder in {found.base}.")
    return folder


LOCAL_ENGINES = ("auto", "sandbox", "docker", "process")
MEMORY_LIMITS = ("advice", "plan")
WRITTEN_FILE = "written_file"
"""The reader of files that a session writes, which must not be where AI Core reads."""


READERS: Mapping[str, Callable[[_Found], Any]] = {
    "count": _count,
    "duration": _duration,
    "engine": _engine,
    "folders": _folders,
    "lines": _lines,
    "memory": _memory,
    "moment": _moment,
    "path": _path,
    "prices": _prices,
    "resource_group": _resource_group,
    "seconds": _seconds,
    "service_key": _service_key,
    "stores": _stores,
    "switch": _switch,
    "workflow_folders": _workflow_folders,
    WRITTEN_FILE: _path,
}
"""The function that reads each kind of value, by the name that declarations use."""


def _require_readers() -> None:
    """Refuse a declaration without a reader when the module is imported.

    Raises:
        TypeError: a setting has an unknown reader.
    """
    for option in OPTIONS:
        if option.reads not in READERS:
            known = listing(READERS)
            raise TypeError(f"setting {option.name}: unknown reader {option.reads!r}; expected one of {known}")


_require_readers()
