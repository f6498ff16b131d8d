"""What is staged before a step starts."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.pods import ArtifactIn, Stored

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_aicore.running.pods import Archive
    from tests.running.pods_here import Here

pytestmark = pytest.mark.once


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with two files, one in a folder of its own, and a link between them."""
    folder = tmp_path / "given" / "data"
    (folder / "below").mkdir(parents=True)
    (folder / "train.csv").write_text("1,2\n")
    (folder / "below" / "test.csv").write_text("3,4\n")
    (folder / "link.csv").symlink_to("below/test.csv")
    return folder


def test_a_folder(here: Here, data: Path) -> None:
    artifact = ArtifactIn("data", "/app/data/", Stored(data))
    how = here.sh("cd /app/data && cat train.csv below/test.csv link.csv", artifacts_in=(artifact,))
    assert how.last_lines == ("1,2", "3,4", "3,4")


def test_a_file(here: Here, data: Path) -> None:
    artifact = ArtifactIn("data", "/app/in.csv", Stored(data / "train.csv"))
    assert here.run("cat", "/app/in.csv", artifacts_in=(artifact,)).last_lines == ("1,2",)


def test_raw_content_and_mode(here: Here) -> None:
    artifact = ArtifactIn("tool", "/app/bin/tool", b"#!/bin/sh\necho raw $1\n", mode=0o755)
    assert here.run("/app/bin/tool", "data", artifacts_in=(artifact,)).last_lines == ("raw data",)


def test_raw_content_without_mode_is_not_executable(here: Here) -> None:
    how = here.run("/app/bin/tool", artifacts_in=(ArtifactIn("tool", "/app/bin/tool", b"#!/bin/sh\n"),))
    assert (how.phase, how.exit_code) == ("Failed", 64)


def test_the_source_is_not_changed(here: Here, data: Path) -> None:
    artifact = ArtifactIn("data", "/app/data", Stored(data))
    assert here.sh("echo 9 > /app/data/train.csv; rm /app/data/link.csv", artifacts_in=(artifact,)).phase == "Succeeded"
    assert (data / "train.csv").read_text() == "1,2\n"
    assert (data / "link.csv").is_symlink()


def test_an_optional_artifact_that_was_not_supplied(here: Here) -> None:
    how = here.sh("test -e /app || echo nothing there", artifacts_in=(ArtifactIn("data", "/app/data", None),))
    assert how.last_lines == ("nothing there",)


def tar(path: Path, mode: str, names: tuple[str, ...], content: bytes = b"packed\n") -> Path:
    """Write a tar with files of these names."""
    with tarfile.open(path, mode) as packed:  # type: ignore[call-overload]
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("archive", "names", "listed"),
    [
        ("default", ("top/a",), ("a",)),
        ("default", ("a", "b"), ("a", "b")),
        ("tar", ("top/a", "top/b"), ("a", "b")),
        ("tar", (), ()),
    ],
)
def test_a_tar(here: Here, tmp_path: Path, archive: Archive, names: tuple[str, ...], listed: tuple[str, ...]) -> None:
    source = Stored(tar(tmp_path / "in.tgz", "w:gz", names))
    how = here.run("ls", "/app/data", artifacts_in=(ArtifactIn("data", "/app/data", source, archive),))
    assert (how.phase, how.last_lines) == ("Succeeded", listed)


def test_the_only_entry_of_a_tar_becomes_the_path(here: Here, tmp_path: Path) -> None:
    source = Stored(tar(tmp_path / "in.tar", "w", ("model.bin",)))
    how = here.run("cat", "/app/m", artifacts_in=(ArtifactIn("data", "/app/m", source, "tar"),))
    assert how.last_lines == ("packed",)


def test_a_zip(here: Here, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as packed:
        packed.writestr("top/a", "zipped\n")
        packed.writestr("top/b", "")
    artifact = ArtifactIn("data", "/app/data", Stored(tmp_path / "in.zip"), "zip")
    assert here.run("cat", "/app/data/a", artifacts_in=(artifact,)).last_lines == ("zipped",)


@pytest.mark.parametrize(("archive", "mode"), [("none", "w:gz"), ("default", "w")])
def test_what_is_not_unpacked(here: Here, tmp_path: Path, archive: Archive, mode: str) -> None:
    """`none` leaves everything as it is, the default unpacks only a tar that is compressed by gzip."""
    path = tar(tmp_path / "in.tgz", mode, ("a",))
    artifact = ArtifactIn("data", "/app/data", Stored(path), archive)
    how = here.sh("wc -c < /app/data", artifacts_in=(artifact,))
    assert how.last_lines == (str(path.stat().st_size),)


def test_who_wrote_it_knows_how_it_is_packed(here: Here, tmp_path: Path) -> None:
    source = Stored(tar(tmp_path / "in.tar", "w", ("model.bin",)), "tar")
    how = here.run("cat", "/app/m", artifacts_in=(ArtifactIn("data", "/app/m", source),))
    assert how.last_lines == ("packed",)


@pytest.mark.parametrize("name", ["../../evil", "/evil"])
def test_a_tar_that_leads_outside(here: Here, tmp_path: Path, name: str) -> None:
    source = Stored(tar(tmp_path / "in.tgz", "w:gz", ("a", name)))
    how = here.run("true", artifacts_in=(ArtifactIn("data", "/app/data", source),))
    assert how.phase == "Error"
    assert how.message == (
        f"Error (exit code 1): artifact data failed to load: its entry {name!r} leads out of the folder into which it"
        " is unpacked"
    )


def test_a_tar_that_writes_through_a_link(here: Here, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with tarfile.open(tmp_path / "in.tgz", "w:gz") as packed:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        packed.addfile(link)
        packed.addfile(tarfile.TarInfo("link/evil"), io.BytesIO())
    how = here.run("true", artifacts_in=(ArtifactIn("data", "/app/data", Stored(tmp_path / "in.tgz")),))
    assert how.phase == "Error"
    assert list(outside.iterdir()) == []


def test_a_tar_that_links_to_a_foreign_file(here: Here, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("foreign")
    with tarfile.open(tmp_path / "in.tgz", "w:gz") as packed:
        link = tarfile.TarInfo("a")
        link.type, link.linkname = tarfile.LNKTYPE, str(secret)
        packed.addfile(link)
    how = here.run("cat", "/app/data", artifacts_in=(ArtifactIn("data", "/app/data", Stored(tmp_path / "in.tgz")),))
    assert how.message == (
        f"Error (exit code 1): artifact data failed to load: its entry 'a' links to {str(secret)!r}, which is not in"
        " the archive"
    )


def test_a_damaged_archive(here: Here, tmp_path: Path) -> None:
    (tmp_path / "in.zip").write_bytes(b"no zip")
    how = here.run("true", artifacts_in=(ArtifactIn("data", "/app/data", Stored(tmp_path / "in.zip"), "zip"),))
    assert (how.phase, how.exit_code) == ("Error", None)
    assert how.message == (
        "Error (exit code 1): artifact data failed to load: in.zip cannot be unpacked as zip: File is not a zip file"
    )


def test_a_source_that_does_not_exist(here: Here, tmp_path: Path) -> None:
    how = here.run("true", artifacts_in=(ArtifactIn("data", "/app/data", Stored(tmp_path / "gone")),))
    assert (how.phase, how.exit_code, how.message) == (
        "Error",
        None,
        f"Error (exit code 1): artifact data failed to load: {tmp_path / 'gone'}: No such file or directory",
    )


def test_a_link_as_a_source_brings_nothing_foreign(here: Here, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    how = here.run("true", artifacts_in=(ArtifactIn("data", "/app/data", Stored(tmp_path / "link")),))
    assert how.message == (
        f"Error (exit code 1): artifact data failed to load: {tmp_path / 'link'} is not a regular file or directory"
    )


def test_a_path_that_leads_out_of_the_root(here: Here, tmp_path: Path) -> None:
    """`..` at the root leads to the root."""
    artifact = ArtifactIn("data", f"/../../../../../../../../../..{tmp_path}/evil", b"inside")
    assert here.sh("true", artifacts_in=(artifact,)).phase == "Succeeded"
    assert not (tmp_path / "evil").exists()


def test_an_empty_folder_and_a_script(here: Here) -> None:
    how = here.run("sh", script="echo $0; touch /scratch/new && ls /scratch", empty_dirs=("/scratch",))
    assert how.phase == "Succeeded"
    assert how.last_lines[0].endswith("/argo/staging/script")
    assert how.last_lines[1:] == ("new",)


def test_a_script_is_executable(here: Here) -> None:
    assert here.run(script="#!/bin/sh\necho by its first line", args=()).phase == "Error"
    assert here.run("env", script="#!/bin/sh\necho by its first line").last_lines == ("by its first line",)


def test_the_working_directory_is_made(here: Here) -> None:
    assert here.sh("touch here && ls", workdir="/app/work").last_lines == ("here",)


def test_the_working_directory_is_the_root_by_default(sandboxed: Here) -> None:
    assert sandboxed.run("pwd").last_lines == ("/",)


def test_a_folder_that_nobody_makes_does_not_exist(here: Here) -> None:
    how = here.py("open('/app/model/model.bin', 'w')")
    assert (how.phase, how.exit_code) == ("Failed", 1)
    assert how.last_lines[-1] == "FileNotFoundError: [Errno 2] No such file or directory: '/app/model/model.bin'"
