"""What trainings do that nobody expects: each ends with a clear message, and the next step runs as always."""

from __future__ import annotations

import os
import tarfile
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pytest_aicore.running.pods import ArtifactIn, ArtifactOut, ParameterOut

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_aicore.running.pods import Archive
    from tests.running.pods_here import Here

pytestmark = pytest.mark.once

OUT = {"empty_dirs": ("/out",)}
TERABYTE = "truncate -s 1T"


def model(archive: Archive = "none", path: str = "/out/model") -> ArtifactOut:
    return ArtifactOut("model", path, archive)


class Mistake(NamedTuple):
    """What a step does to its outputs.

    Attributes:
        script: what it does.
        message: how it is told.
        archive: how the artifact is packed.
        path: of the artifact.
    """

    script: str
    message: str
    archive: Archive = "none"
    path: str = "/out/model"


SOCKET = "python -c \"import os, socket; os.chdir('/out/model'); socket.socket(socket.AF_UNIX).bind('s')\""
IRREGULAR = "is not a regular file or directory"
MISTAKES = {
    "pipe": Mistake("mkfifo /out/model", f"/out/model {IRREGULAR}"),
    "pipe below": Mistake("mkdir -p /out/model/a; mkfifo /out/model/a/p", f"/out/model/a/p {IRREGULAR}", "zip"),
    "socket": Mistake(f"mkdir /out/model; {SOCKET}", f"/out/model/s {IRREGULAR}"),
    "link to itself": Mistake("ln -s model /out/model", f"/out/model {IRREGULAR}"),
    "nothing": Mistake("true", "open /var/run/argo/outputs/artifacts/out/model.tgz: no such file or directory"),
    "closed folders": Mistake(
        "mkdir -p /out/d/e && cd /out/d/e && chmod 000 . && chmod 000 /out/d",
        "open /var/run/argo/outputs/artifacts/out/model.tgz: no such file or directory",
    ),
    "root": Mistake("true", "/, the root of the file system, cannot be an artifact", path="/"),
    "root, by a detour": Mistake(
        "true", "/out/.., the root of the file system, cannot be an artifact", "default", "/out/.."
    ),
    "a name that no zip can hold": Mistake(
        "mkdir /out/model; touch /out/model/$(printf 'a\\377b')",
        "b'model/a\\xffb' is not UTF-8, so that it cannot be the name of a file in a zip",
        "zip",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_an_output_that_cannot_be_saved(here: Here, name: str) -> None:
    mistake = MISTAKES[name]
    how = here.sh(mistake.script, artifacts_out=(model(mistake.archive, mistake.path),), **OUT)
    if name == "socket" and here.engine.name == "docker":  # the API does not show it
        assert list(how.artifacts["model"].path.iterdir()) == []
        return
    assert (how.phase, how.exit_code, dict(how.artifacts)) == ("Error", 0, {})
    assert how.message == f"Error (exit code 1): {mistake.message}"
    assert list((here.folder / "steps").iterdir()) == []
    assert here.run("true").phase == "Succeeded"


@pytest.mark.parametrize("archive", ["default", "tar", "zip"])
def test_holes_of_a_terabyte_do_not_fill_the_disk(here: Here, archive: Archive) -> None:
    how = here.sh(f"{TERABYTE} /out/model", artifacts_out=(model(archive),), **OUT)
    begin = "Error (exit code 1): /out/model: No space left on device for a copy: it has 1024 GiB, and "
    assert (how.phase, how.message[: len(begin)]) == ("Error", begin)


def test_holes_of_a_terabyte_as_an_input(of_machine: Here, tmp_path: Path) -> None:
    stored = of_machine.sh(f"{TERABYTE} /out/model", artifacts_out=(model(),), **OUT).artifacts["model"]
    how = of_machine.run("true", name="second", artifacts_in=(ArtifactIn("model", "/in/model", stored),))
    begin = f"Error (exit code 1): artifact model failed to load: {stored.path}: No space left on device for a copy"
    assert (how.phase, how.message[: len(begin)]) == ("Error", begin)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (f"{TERABYTE} /out/p", "/out/p has 1024 GiB, and the value of an output parameter has at most 1 MiB"),
        ("mkfifo /out/p", f"/out/p {IRREGULAR}"),
        ("mkdir /out/p", "/out/p: Is a directory"),
    ],
)
def test_a_parameter_that_is_no_value(here: Here, script: str, message: str) -> None:
    how = here.sh(script, parameters_out=(ParameterOut("p", "/out/p", default="unused"),), **OUT)
    assert (how.phase, how.message) == ("Error", f"Error (exit code 1): {message}")


def test_names_of_every_kind(here: Here) -> None:
    script = "mkdir /out/model; cd /out/model; touch 'a\nb' ' ' -- -rf '*' \"$(printf 'a\\377b')\" 'ä'"
    stored = here.sh(script, artifacts_out=(model("default"),), **OUT).artifacts["model"]
    with tarfile.open(stored.path) as packed:
        names = {os.fsencode(name) for name in packed.getnames()}
    expected = {b"a\nb", b" ", b"-rf", b"*", b"a\xffb", "ä".encode()}
    assert names == {b"model", *(b"model/" + name for name in expected)}
    how = here.sh("ls /in/model | wc -l", name="second", artifacts_in=(ArtifactIn("model", "/in/model", stored),))
    assert how.last_lines == ("7",)  # one name has two lines


def test_folders_that_are_read_only_are_kept_and_cleaned(here: Here) -> None:
    script = "mkdir -p /out/model/a/b; echo 1 > /out/model/a/b/c; chmod -R a-w /out/model"
    how = here.sh(script, artifacts_out=(model(),), **OUT)
    assert (how.artifacts["model"].path / "a/b/c").read_text() == "1\n"
    assert list((here.folder / "steps").iterdir()) == []


def test_bytes_that_are_no_text(here: Here) -> None:
    how = here.py("import os\nfor _ in range(30): os.write(1, os.urandom(10_000))\nos.write(1, b'\\nend\\n')")
    assert (how.phase, how.last_lines[-1]) == ("Succeeded", "end")


def test_a_closed_stdout(here: Here) -> None:
    how = here.sh("exec >&- 2>&-; sleep 0.2; exit 3")
    assert (how.phase, how.message, how.last_lines) == ("Failed", "Error (exit code 3)", ())


@pytest.mark.parametrize("prefix", ["", "setsid "])
def test_a_child_that_holds_stdout(here: Here, prefix: str) -> None:
    how = here.sh(f"{prefix}sleep 61 & echo over")
    assert (how.phase, how.last_lines) == ("Succeeded", ("over",))
    assert how.seconds < 30


def test_many_small_files(here: Here) -> None:
    script = "mkdir /out/model && cd /out/model && seq 3000 | xargs touch"
    how = here.sh(script, artifacts_out=(model(),), **OUT)
    assert sum(1 for _ in how.artifacts["model"].path.iterdir()) == 3000
    assert list((here.folder / "steps").iterdir()) == []


def test_a_folder_deeper_than_any_path(here: Here) -> None:
    how = here.py("import os\nfor _ in range(60): os.mkdir('d' * 100); os.chdir('d' * 100)", workdir="/out", **OUT)
    assert how.phase == "Succeeded"
    assert list((here.folder / "steps").iterdir()) == []
