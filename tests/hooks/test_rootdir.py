"""Options of ours that pytest could take for the path of a test, and the project's ini file that is not read then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.config.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FLAGS = [option.flag for option in OPTIONS if option.flag and option.metavar in ("FILE", "DIR")]
LIVE = "--aicore-live"


@dataclass
class Place:
    """A project with an ini file, and a folder elsewhere."""

    project: Path
    elsewhere: Path

    @property
    def ini(self) -> Path:
        """The ini file of the project."""
        return self.project / "pytest.ini"

    @property
    def key(self) -> Path:
        """A file elsewhere."""
        return self.elsewhere / "key.json"


@pytest.fixture
def place(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Place:
    project, elsewhere = pytester.mkdir("project"), pytester.mkdir("elsewhere")
    for folder in (project, elsewhere):
        (folder / "key.json").write_text("{}")
    (project / "pytest.ini").write_text("[pytest]\naicore_live_resource_groups = team\n")
    (project / "tests" / "below").mkdir(parents=True)
    (project / "tests" / "own.ini").write_text("[pytest]\n")
    (project / "tests" / "test_it.py").write_text("def test_it(): pass")
    monkeypatch.chdir(project)
    return Place(project, elsewhere)


@pytest.fixture
def said(pytester: pytest.Pytester) -> Callable[..., list[str]]:
    """A function that configures a session and returns what is said of a project that was not found.

    The lines of the header offline, those of the error live.
    """

    def configure(*arguments: str) -> list[str]:
        try:
            config = pytester.parseconfigure(*arguments)
        except pytest.UsageError as error:
            return str(error).splitlines()
        lines = config.hook.pytest_report_header(config=config, start_path=config.invocation_params.dir)
        return [line for each in lines for line in each if ": pytest looks for its ini file" in line]

    return configure


def sentence(given: str, what: str, better: str) -> str:
    return (
        f"{given}: pytest looks for its ini file before it knows the options of plugins, and took the value for"
        f" the path of a test: {what}. Write {better}."
    )


REFUSED = "A live session costs money, and the limits in the project's ini file would be ignored: nothing was started."


@pytest.mark.parametrize("flag", FLAGS)
def test_each_option_that_names_a_path(place: Place, said: Callable[..., list[str]], flag: str) -> None:
    expected = sentence(f"{flag} {place.key}", f"it read no ini file instead of {place.ini}", f"{flag}={place.key}")
    assert said(flag, str(place.key)) == [f"aicore: {expected}"]
    assert said(LIVE, "--aicore-resource-group=forbidden", flag, str(place.key)) == [expected, REFUSED]
    assert said(f"{flag}={place.key}") == []
    assert said(LIVE, "--aicore-resource-group=team", f"{flag}={place.key}") == []


@pytest.mark.parametrize(
    ("arguments", "addopts"),
    [
        ("KEY=ELSEWHERE/key.json", ""),
        ("KEY=ELSEWHERE/key.json tests", ""),
        ("", "KEY=ELSEWHERE/key.json"),
        ("KEY key.json", ""),  # in the project: its ini file is found all the same
        ("KEY tests/below", ""),
        ("KEY ELSEWHERE/key.json tests", ""),  # what is common to both has no ini file, so pytest looks at each
        ("tests/test_it.py::test_it KEY ELSEWHERE/key.json", ""),
        ("tests", "KEY ELSEWHERE/key.json"),
        ("KEY ELSEWHERE/missing.json", ""),
        ("KEY missing.json", ""),
        ("-c pytest.ini KEY ELSEWHERE/key.json", ""),
        ("--config-file=PROJECT/pytest.ini KEY ELSEWHERE/key.json", ""),
        ("-c tests/own.ini KEY ELSEWHERE/key.json", ""),
        ("-c pytest.ini --rootdir=PROJECT KEY ELSEWHERE/key.json", ""),
        ("--rootdir=PROJECT KEY=ELSEWHERE/key.json", ""),
        ("--rootdir=ELSEWHERE -c PROJECT/pytest.ini KEY=ELSEWHERE/key.json", ""),
        ("ELSEWHERE KEY=key.json", ""),  # who names tests elsewhere means the settings there
        ("--junitxml ELSEWHERE/key.json KEY=key.json", ""),  # an option that pytest knows
        ("", ""),
    ],
)
def test_what_is_right_is_not_refused(
    place: Place, said: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, arguments: str, addopts: str
) -> None:
    def words(text: str) -> str:
        known = {"KEY": "--aicore-service-key", "ELSEWHERE": str(place.elsewhere), "PROJECT": str(place.project)}
        for name, value in known.items():
            text = text.replace(name, value)
        return text

    monkeypatch.setenv("PYTEST_ADDOPTS", words(addopts))
    assert said(LIVE, "--aicore-resource-group=team", *words(arguments).split()) == []


def test_options_in_the_ini_file_come_too_late_to_be_misread(place: Place, said: Callable[..., list[str]]) -> None:
    place.ini.write_text(f"{place.ini.read_text()}addopts = --aicore-service-key {place.key} tests")
    assert said(LIVE, "--aicore-resource-group=team") == []


def test_an_option_of_the_environment(
    place: Place, said: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "PYTEST_ADDOPTS", f"--aicore-live --aicore-resource-group=x-y --aicore-service-key '{place.key}'"
    )
    given, better = (f"--aicore-service-key{between}{place.key}" for between in " =")
    assert said() == [sentence(given, f"it read no ini file instead of {place.ini}", better), REFUSED]


def test_the_ini_file_of_somebody_else(place: Place, said: Callable[..., list[str]]) -> None:
    theirs = place.elsewhere / "tox.ini"
    theirs.write_text("[pytest]\n")
    given, better = (f"--aicore-service-key{between}{place.key}" for between in " =")
    assert said(LIVE, given.split()[0], str(place.key)) == [
        sentence(given, f"it read {theirs} instead of {place.ini}", better),
        (
            "--aicore-live: no resource group is named, and live trainings cost money where they run. Name it with"
            " --aicore-resource-group=NAME, the environment variable AICORE_RESOURCE_GROUP, or ini aicore_resource_group."
        ),
    ]


def test_a_path_of_a_test_does_not_help_where_an_ini_file_is_above_both(
    place: Place, said: Callable[..., list[str]]
) -> None:
    above = place.project.parent / "pytest.ini"
    above.write_text("[pytest]\n")
    given, better = (f"--aicore-service-key{between}{place.key}" for between in " =")
    expected = sentence(given, f"it read {above} instead of {place.ini}", better)
    assert said("tests", given.split()[0], str(place.key)) == [f"aicore: {expected}"]


def test_a_rootdir_that_was_named_does_not_help(place: Place, said: Callable[..., list[str]]) -> None:
    given, better = (f"--aicore-service-key{between}{place.key}" for between in " =")
    expected = sentence(given, f"it read no ini file instead of {place.ini}", better)
    assert said(f"--rootdir={place.project}", given.split()[0], str(place.key)) == [f"aicore: {expected}"]


def test_a_project_without_ini_file_has_its_rootdir_moved(place: Place, said: Callable[..., list[str]]) -> None:
    place.ini.unlink()
    (place.project / "setup.py").touch()
    (place.elsewhere / "setup.py").touch()
    given, better = (f"--aicore-service-key{between}{place.key}" for between in " =")
    expected = sentence(given, f"rootdir is {place.elsewhere} instead of {place.project}", better)
    assert said(given.split()[0], str(place.key)) == [f"aicore: {expected}"]


def test_an_option_that_is_no_path_may_be_misread_as_well(place: Place, said: Callable[..., list[str]]) -> None:
    (place.project / "team").mkdir()
    theirs = place.project / "team" / "pytest.ini"
    theirs.touch()
    given, better = (f"--aicore-resource-group{between}team" for between in " =")
    expected = sentence(given, f"it read {theirs} instead of {place.ini}", better)
    assert said(*given.split()) == [f"aicore: {expected}"]


def test_an_option_of_another_plugin(place: Place, said: Callable[..., list[str]]) -> None:
    (place.project / "conftest.py").write_text("def pytest_addoption(parser): parser.addoption('--page')")
    arguments = (LIVE, "--aicore-resource-group=team", "--confcutdir=.", "tests", "--page", str(place.key))
    assert said(*arguments) == []
    (place.elsewhere.parent / "pytest.ini").touch()
    expected = sentence(
        "An option of a plugin",
        f"it read {place.elsewhere.parent / 'pytest.ini'} instead of {place.ini}",
        "--option=VALUE, without a space",
    )
    assert said(*arguments) == [expected, REFUSED]


def test_a_live_session_refuses_to_start(place: Place, pytester: pytest.Pytester) -> None:
    arguments = (LIVE, "--aicore-resource-group=forbidden", "--aicore-service-key", str(place.key))
    result = pytester.runpytest_inprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    given, better = (f"--aicore-service-key{between}{place.key}" for between in " =")
    said = sentence(given, f"it read no ini file instead of {place.ini}", better)
    assert result.errlines == [f"ERROR: {said}", REFUSED, ""]
