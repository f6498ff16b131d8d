"""What is collected after a step has ended."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.running.collecting import Collected, collect
from pytest_aicore.running.pods import ArtifactIn, ArtifactOut, ParameterOut
from tests.waiting import until

if TYPE_CHECKING:
    from tests.running.pods_here import Here

pytestmark = pytest.mark.once

MODEL = ArtifactOut("model", "/out/model", "none")
OUT = {"empty_dirs": ("/out",)}
MAKE = "mkdir /out/model && echo weights > /out/model/a && ln -s a /out/model/b"


def test_a_folder(here: Here) -> None:
    how = here.sh(MAKE, artifacts_out=(MODEL,), **OUT)
    assert how.phase == "Succeeded"
    stored = how.artifacts["model"]
    assert (stored.path.name, stored.archive) == ("model", "none")
    assert {path.name for path in stored.path.iterdir()} == {"a", "b"}
    assert (stored.path / "a").read_text() == "weights\n"
    assert (stored.path / "b").readlink() == Path("a")


def test_a_file(here: Here) -> None:
    how = here.sh("echo weights > /out/model", artifacts_out=(MODEL,), **OUT)
    assert how.artifacts["model"].path.read_text() == "weights\n"


def test_the_default_is_a_compressed_tar(here: Here) -> None:
    how = here.sh(MAKE, artifacts_out=(ArtifactOut("model", "/out/model/"),), **OUT)
    stored = how.artifacts["model"]
    assert (stored.path.name, stored.archive) == ("model.tgz", "default")
    with tarfile.open(stored.path, "r:gz") as packed:
        assert sorted(packed.getnames()) == ["model", "model/a", "model/b"]
        assert packed.getmember("model/b").linkname == "a"


def test_a_zip(here: Here) -> None:
    how = here.sh(MAKE, artifacts_out=(ArtifactOut("model", "/out/model", "zip"),), **OUT)
    with zipfile.ZipFile(how.artifacts["model"].path) as packed:
        assert sorted(packed.namelist()) == ["model/", "model/a", "model/b"]


@pytest.mark.parametrize("archive", ["default", "none", "tar", "zip"])
def test_what_one_step_writes_another_reads(here: Here, archive: str) -> None:
    out = ArtifactOut("model", "/out/model", archive)  # type: ignore[arg-type]
    stored = here.sh(MAKE, name="first", artifacts_out=(out,), **OUT).artifacts["model"]
    read = ArtifactIn("model", "/in/m", stored)
    how = here.sh("ls /in/m; cat /in/m/b", name="second", artifacts_in=(read,))
    assert how.last_lines == ("a", "b", "weights")


def test_what_another_step_writes_to_its_input_does_not_change_what_is_stored(here: Here) -> None:
    stored = here.sh(MAKE, name="first", artifacts_out=(MODEL,), **OUT).artifacts["model"]
    read = ArtifactIn("model", "/in/m", stored)
    assert here.sh("echo more >> /in/m/a; rm /in/m/b", name="second", artifacts_in=(read,)).phase == "Succeeded"
    assert (stored.path / "a").read_text() == "weights\n"
    assert (stored.path / "b").is_symlink()


def test_it_is_told_where_saving_takes_long(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_aicore.running.telling._FIRST", 0.01)

    def slow(*args: Any) -> Collected:
        until(lambda: here.lines[1:], "the line")
        return collect(*args)

    monkeypatch.setattr("pytest_aicore.running.step.collect", slow)
    how = here.sh(f"{MAKE}; echo end", artifacts_out=(MODEL,), **OUT)
    assert (how.phase, how.last_lines) == ("Succeeded", ("end",))
    assert here.lines[:2] == ["end", "pytest-aicore: saving what the step has left, for 0 s now"]


def test_outputs_are_collected_after_a_failure(here: Here) -> None:
    parameter = ParameterOut("loss", "/out/loss")
    how = here.sh(f"{MAKE}; echo 0.5 > /out/loss; exit 3", artifacts_out=(MODEL,), parameters_out=(parameter,), **OUT)
    assert (how.phase, how.message, how.parameters) == ("Failed", "Error (exit code 3)", {"loss": "0.5"})
    assert (how.artifacts["model"].path / "a").exists()


def test_after_a_failure_the_failure_is_the_message(here: Here) -> None:
    how = here.sh("exit 3", artifacts_out=(MODEL,), parameters_out=(ParameterOut("loss", "/out/loss"),))
    assert (how.phase, how.message, how.artifacts, how.parameters) == ("Failed", "Error (exit code 3)", {}, {})


def test_a_missing_artifact(here: Here) -> None:
    how = here.sh("true", artifacts_out=(ArtifactOut("model", "/app/model"),))
    assert (how.phase, how.exit_code) == ("Error", 0)
    assert how.message == (
        "Error (exit code 1): open /var/run/argo/outputs/artifacts/app/model.tgz: no such file or directory"
    )


def test_an_optional_artifact_may_be_missing(here: Here) -> None:
    how = here.sh("true", artifacts_out=(ArtifactOut("model", "/app/model", optional=True),))
    assert (how.phase, how.message, how.artifacts) == ("Succeeded", "", {})


def test_after_the_first_bad_artifact_no_other_is_saved(here: Here) -> None:
    missing = ArtifactOut("other", "/out/other")
    how = here.sh(MAKE, artifacts_out=(missing, MODEL), **OUT)
    assert (how.phase, dict(how.artifacts)) == ("Error", {})


@pytest.mark.parametrize(
    ("written", "value"), [("0.5\\n", "0.5"), ("0.5", "0.5"), ("a\\n\\n", "a\n"), ("", ""), (" a\\nb ", " a\nb ")]
)
def test_a_parameter(here: Here, written: str, value: str) -> None:
    parameter = ParameterOut("loss", "/out/loss", default="unused")
    how = here.sh(f"printf '{written}' > /out/loss", parameters_out=(parameter,), **OUT)
    assert how.parameters == {"loss": value}


def test_a_missing_parameter(here: Here) -> None:
    how = here.sh("true", parameters_out=(ParameterOut("loss", "/app/loss"),))
    assert (how.phase, how.message) == (
        "Error",
        "Error (exit code 1): open /var/run/argo/outputs/parameters/app/loss: no such file or directory",
    )


def test_a_missing_parameter_with_a_default(here: Here) -> None:
    how = here.sh("true", parameters_out=(ParameterOut("loss", "/app/loss", default="1\n"),))
    assert (how.phase, how.parameters) == ("Succeeded", {"loss": "1"})


def test_the_result_is_stdout_alone(here: Here) -> None:
    how = here.sh("echo a; echo error >&2; echo b", keep_result=True)
    assert how.result == "a\nb"
    assert sorted(how.last_lines) == ["a", "b", "error"]
    assert here.sh("echo a").result is None


def test_the_result_of_a_failure(here: Here) -> None:
    how = here.sh("printf 7; exit 1", keep_result=True)
    assert (how.phase, how.result) == ("Failed", "7")


def test_of_a_long_result_the_end_is_kept(here: Here) -> None:
    how = here.py("print('a' * 300_000 + 'end')", keep_result=True)
    assert how.result is not None
    assert (len(how.result), how.result[-4:]) == (256 * 1024, "aend")


# What a step can do to get files of this machine into its outputs.


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Return a folder of this machine with a file that is not for steps."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "key").write_text("private")
    return folder


def test_an_output_that_is_a_link(here: Here, foreign: Path) -> None:
    target = "real" if here.engine.name == "docker" else foreign  # in a container there is nothing of this machine
    how = here.sh(f"mkdir /out/real; ln -s {target} /out/model", artifacts_out=(MODEL,), **OUT)
    assert (how.phase, how.message, dict(how.artifacts)) == (
        "Error",
        "Error (exit code 1): /out/model is not a regular file or directory",
        {},
    )


def test_an_output_below_a_link(here: Here, foreign: Path) -> None:
    below = ArtifactOut("model", "/out/link/key", "none")
    parameter = ParameterOut("key", "/out/link/key")
    how = here.sh(f"ln -s {foreign} /out/link", artifacts_out=(below,), parameters_out=(parameter,), **OUT)
    assert (how.phase, dict(how.artifacts), dict(how.parameters)) == ("Error", {}, {})
    assert how.message == (
        "Error (exit code 1): open /var/run/argo/outputs/parameters/out/link/key: no such file or directory"
    )


@pytest.mark.parametrize("archive", ["default", "none", "zip"])
def test_links_within_an_output_stay_links(here: Here, foreign: Path, archive: str) -> None:
    out = ArtifactOut("model", "/out/model", archive)  # type: ignore[arg-type]
    script = f"mkdir /out/model; ln -s {foreign} /out/model/folder; ln -s {foreign}/key /out/model/key"
    stored = here.sh(script, artifacts_out=(out,), **OUT).artifacts["model"]
    if stored.path.is_dir():
        assert all(path.is_symlink() for path in stored.path.iterdir())
    assert b"private" not in b"".join(path.read_bytes() for path in stored.path.parent.rglob("*.*"))
    if archive == "zip":
        with zipfile.ZipFile(stored.path) as packed:
            assert packed.read("model/key").decode() == f"{foreign}/key"


def test_a_parameter_that_is_a_link_within_the_root(here: Here) -> None:
    how = here.sh("echo 7 > /out/real; ln -s real /out/p", parameters_out=(ParameterOut("p", "/out/p"),), **OUT)
    assert how.parameters == {"p": "7"}


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/status", "/usr/bin/env"])
def test_files_of_the_system_are_no_outputs(sandboxed: Here, path: str) -> None:
    how = sandboxed.sh("true", artifacts_out=(ArtifactOut("system", path, "none"),))
    assert (how.phase, dict(how.artifacts)) == ("Error", {})


@pytest.mark.parametrize("archive", ["default", "none"])
def test_a_pipe_in_an_output_blocks_nothing(here: Here, archive: str) -> None:
    out = ArtifactOut("model", "/out/model", archive)  # type: ignore[arg-type]
    how = here.sh("mkdir /out/model; mkfifo /out/model/pipe", artifacts_out=(out,), **OUT)
    assert (how.phase, how.message) == (
        "Error",
        "Error (exit code 1): /out/model/pipe is not a regular file or directory",
    )


def test_a_circle_of_links(here: Here) -> None:
    out = ArtifactOut("model", "/out/a/model", "none")
    how = here.sh("ln -s a /out/a", artifacts_out=(out,), **OUT)
    assert (how.phase, how.message) == ("Error", "Error (exit code 1): /out/a/model: Too many levels of symbolic links")


def test_an_output_below_an_input(here: Here) -> None:
    read = ArtifactIn("data", "/in/data", b"1")
    how = here.sh("echo 2 > /in/data", artifacts_in=(read,), artifacts_out=(ArtifactOut("model", "/in/data", "none"),))
    assert how.artifacts["model"].path.read_text() == "2\n"


def test_nothing_is_left_but_the_outputs(here: Here) -> None:
    script = f"{MAKE}; mkdir -p /out/closed/below; touch /out/closed/below/x; chmod 000 /out/closed"
    how = here.sh(script, artifacts_out=(MODEL,), **OUT)
    assert how.phase == "Succeeded"
    assert {path.name for path in here.folder.iterdir()} <= {"outputs", "steps"}
    assert list((here.folder / "steps").iterdir()) == []


def test_the_files_of_a_step_can_be_kept(of_machine: Here) -> None:
    of_machine.options["kept"] = of_machine.folder / "kept"
    of_machine.sh("echo kept > /out/file", **OUT)
    assert (of_machine.folder / "kept" / "wf" / "root" / "out" / "file").read_text() == "kept\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_output_that_cannot_be_read(here: Here) -> None:
    how = here.sh("mkdir /out/model; chmod 000 /out/model", artifacts_out=(MODEL,), **OUT)
    assert (how.phase, how.message) == ("Error", "Error (exit code 1): /out/model: Permission denied")
