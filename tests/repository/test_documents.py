"""What the repository's documents say about the repository is true."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tracked() -> list[Path]:
    """Return the files of the repository, new ones included and ignored ones left out."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("not a git clone, so nobody knows which files are the repository's")
    return [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.fixture
def commands() -> Callable[[str], dict[str, str]]:
    """Give the function with which .ci/run reads README's commands."""
    spec = importlib.util.spec_from_file_location("readme_command", ROOT / ".ci" / "readme_command.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.commands  # type: ignore[no-any-return]


def test_readme_commands_set_up_everything_with_nothing_but_python(
    commands: Callable[[str], dict[str, str]],
) -> None:
    """Each is one line, starts from a bare `python3`, and afterwards uses only what it installed itself."""
    for command in commands((ROOT / "README.md").read_text(encoding="utf-8")).values():
        first, *rest = [shlex.split(part) for part in command.split("&&")]
        assert first == ["python3", "-m", "venv", ".venv"]
        assert {words[0] for words in rest} == {".venv/bin/pip", ".venv/bin/pytest"}
        assert rest[-1][0] == ".venv/bin/pytest"
        for extra in re.findall(r"\.\[([\w,-]+)\]", command):
            assert set(extra.split(",")) <= set(PROJECT["project"]["optional-dependencies"])
        for group in re.findall(r"--group (\S+)", command):
            assert group in PROJECT["dependency-groups"]


def test_ci_runs_the_readme_commands() -> None:
    """What a newcomer types is what was checked."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"readme_command (acceptance|tests|local)\n", script) == ["acceptance", "tests", "local"]


@pytest.mark.parametrize(
    ("readme", "message"),
    [
        ("# x\n", 'README.md has no section "## Try it"'),
        (
            "## Try it\n```sh\na\n```\n## Next\n```sh\nb\n```\n",
            "README.md, section \"Try it\": expected 3 `sh` blocks of one line each, found ['a']",
        ),
        (
            "## Try it\n```sh\na\nb\n```\n```sh\nc\n```\n```sh\nd\n```\n",
            "README.md, section \"Try it\": expected 3 `sh` blocks of one line each, found ['a\\nb', 'c', 'd']",
        ),
    ],
)
def test_a_readme_without_the_commands_is_refused(
    commands: Callable[[str], dict[str, str]], readme: str, message: str
) -> None:
    """Otherwise .ci/run would run nothing and be green."""
    with pytest.raises(ValueError) as refusal:
        commands(readme)
    assert str(refusal.value) == message


def test_paths_that_documents_name_exist() -> None:
    """A page that names a file which is gone sends its reader nowhere; parts are named as in the package too."""
    rooms = "|".join(path.name for path in (ROOT / "pytest_aicore").iterdir() if path.is_dir())
    parts = rf"(?:pytest_aicore|tests|benchmarks|docs|\.ci|{rooms})"
    planned = ("reports/html/",)
    missing = [
        f"{page.relative_to(ROOT)}: {path}"
        for page in tracked()
        if page.suffix == ".md" and page.name != "CHANGELOG.md"
        for path in re.findall(rf"[`(]({parts}/[\w./-]*)[`)]", page.read_text(encoding="utf-8"))
        if path not in planned and not any((root / path).exists() for root in (ROOT, ROOT / "pytest_aicore"))
    ]
    assert missing == []


def test_no_file_names_a_place_that_only_one_machine_has() -> None:
    """Somebody's home folder or a number of somebody's tracker means nothing to a reader elsewhere."""
    somewhere = re.compile(
        r"(?<![\w.:])/(?:root|home|Users|tmp|work)/\w[\w./-]*"
        r"|[A-Z]:\\Users\\\w+"
        r"|\b(?:issue|ticket)s? #?\d+"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in tracked()
        if path != Path(__file__) and path.suffix != ".png"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for match in somewhere.finditer(line)
    ]
    assert found == []


def test_no_two_test_modules_have_the_same_name() -> None:
    """The folders of tests are no packages, so a name is taken once."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
