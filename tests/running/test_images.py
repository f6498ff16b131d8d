"""Images that are made from a folder with a Dockerfile, and what steps get from them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.errors import ImageError
from pytest_aicore.running.images.images import Images
from tests.running.pods_here import kept
from tests.wheels import wheel

if TYPE_CHECKING:
    from pytest_aicore.running.images.image import Image
    from tests.running.pods_here import Here

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
FROM = f"FROM python:{VERSION}-slim\n"

pytestmark = pytest.mark.once


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with code, as it lies beside a Dockerfile."""
    folder = tmp_path / "image"
    (folder / "src" / "package").mkdir(parents=True)
    (folder / "src" / "main.py").write_text("print('trained')\n")
    (folder / "src" / "package" / "__init__.py").write_text("")
    (folder / "tool.sh").write_text("#!/bin/sh\necho tool $*\n")
    (folder / "data.csv").write_text("1\n")
    return folder


class Made:
    """Makes images of a folder."""

    def __init__(self, folder: Path, tmp_path: Path, cache: Path) -> None:
        self.folder = folder
        self.images = Images({"docker.io/me/*": folder}, Path(sys.executable), cache, tmp_path)

    def image(self, dockerfile: str) -> Image:
        """Return the image of a Dockerfile."""
        (self.folder / "Dockerfile").write_text(dockerfile)
        return self.images.image("docker.io/me/train:1")

    def error(self, dockerfile: str) -> str:
        """Return why a Dockerfile is refused, without the place of the folder."""
        with pytest.raises(ImageError) as caught:
            self.image(dockerfile)
        return str(caught.value).replace(str(self.folder), "FOLDER")

    def warnings(self, dockerfile: str) -> list[str]:
        """Return what of a Dockerfile is not followed, without the place of the folder."""
        return [str(each).replace(f"{self.folder}/", "") for each in self.image(dockerfile).warnings]


@pytest.fixture
def made(folder: Path, tmp_path: Path) -> Made:
    """Return what makes images."""
    return Made(folder, tmp_path, kept())


SCRIPTS = "of here-documents only scripts of the shell are followed"
ONLY = "only mkdir, touch, ln -s, chmod and pip install are followed"


def dockerfile(here: Here, folder: Path, content: str) -> None:
    """Map all images of a test to a Dockerfile."""
    (folder / "Dockerfile").write_text(content)
    here.mapping["docker.io/me/*"] = folder


def test_code_in_the_image(here: Here, folder: Path) -> None:
    dockerfile(
        here,
        folder,
        f"{FROM}WORKDIR /app/src\nCOPY src .\nENV EPOCHS=3\nRUN mkdir -p /app/model && chmod 777 /app/model\n",
    )
    how = here.sh("python main.py; ls; echo $EPOCHS; touch /app/model/m && ls /app/model")
    assert (how.phase, how.last_lines) == ("Succeeded", ("trained", "main.py", "package", "3", "m"))


def test_each_step_gets_files_of_its_own(here: Here, folder: Path) -> None:
    dockerfile(here, folder, f"{FROM}COPY --chmod=666 data.csv /app/\n")
    assert here.sh("echo 2 > /app/data.csv; cat /app/data.csv").last_lines == ("2",)
    assert here.sh("cat /app/data.csv").last_lines == ("1",)
    assert (folder / "data.csv").read_text() == "1\n"


def test_the_template_wins_over_the_image(here: Here, folder: Path) -> None:
    dockerfile(here, folder, f'{FROM}ENV EPOCHS=3\nWORKDIR /app\nENTRYPOINT ["false"]\n')
    how = here.sh("echo $EPOCHS; basename $(pwd)", env={"EPOCHS": "4"}, workdir="/work-folder")
    assert how.last_lines == ("4", "work-folder")


@pytest.mark.parametrize(
    ("lines", "args", "said"),
    [
        ('ENTRYPOINT ["echo", "a"]\nCMD ["b"]', None, "a b"),
        ('ENTRYPOINT ["echo", "a"]\nCMD ["b"]', ("c",), "a c"),
        ('ENTRYPOINT ["echo", "a"]\nCMD ["b"]', (), "a"),
        ('CMD ["echo", "b"]', None, "b"),
        ('CMD ["echo", "b"]', ("echo", "c"), "c"),
        ("CMD echo $((1 + 2))", None, "3"),
        ('ENTRYPOINT echo entry\nCMD ["b"]', None, "entry"),
    ],
)
def test_entrypoint_and_cmd(here: Here, folder: Path, lines: str, args: tuple[str, ...] | None, said: str) -> None:
    dockerfile(here, folder, f"{FROM}{lines}\n")
    assert here.run(args=args).last_lines == (said,)


def test_an_image_without_a_command(here: Here, folder: Path) -> None:
    dockerfile(here, folder, FROM)
    how = here.run(args=None)
    assert (how.phase, how.exit_code) == ("Error", None)
    assert how.message.endswith(
        "you must either explicitly specify the command, or add ENTRYPOINT or CMD to its Dockerfile"
    )


def test_an_image_that_cannot_be_made_starts_nothing(of_machine: Here, folder: Path) -> None:
    dockerfile(of_machine, folder, f"{FROM}COPY sources /app\n")
    how = of_machine.sh("echo ran")
    assert (how.phase, how.exit_code, of_machine.lines) == ("Error", None, [])
    assert how.message == f"{folder}/Dockerfile:2: 'sources' does not exist in {folder}. Did you mean 'src'?"


def test_without_mapping_the_image_is_substituted(of_machine: Here) -> None:
    assert of_machine.settings().images.image("docker.io/somebody/else:1").is_substituted
    assert of_machine.py("import pytest").phase == "Succeeded"


def test_a_mapped_image_has_only_the_packages_that_it_installs(of_machine: Here, folder: Path) -> None:
    dockerfile(of_machine, folder, FROM)
    how = of_machine.py("import pytest")
    assert how.last_lines[-1] == "ModuleNotFoundError: No module named 'pytest'"


def tiny(folder: Path, version: str = "1.0") -> str:
    """Write a wheel with one module, `tiny`, and return its name."""
    return wheel(folder, "tiny", {"tiny.py": f"VERSION = {version!r}\n"})


def test_packages(of_machine: Here, folder: Path) -> None:
    install = f"RUN pip3 install --no-cache-dir --no-index ./{tiny(folder)} && mkdir out"
    dockerfile(of_machine, folder, f"{FROM}WORKDIR /app\nCOPY *.whl ./\n{install}\n")
    assert of_machine.py("import tiny; print(tiny.VERSION)").last_lines == ("1.0",)


def environments(cache: Path) -> set[str]:
    """Return the names of the environments in a cache."""
    return {path.name for path in cache.iterdir() if path.is_dir()}


def test_an_environment_is_kept_by_its_content(folder: Path, tmp_path: Path) -> None:
    """The folder in which an image is made is another one each time."""
    content = f"{FROM}COPY *.whl /w/\nRUN pip install --no-index /w/tiny-1.0-py3-none-any.whl\n"
    for version, number in (("1.0", 1), ("1.0", 1), ("1.1", 2)):
        tiny(folder, version)
        Made(folder, tmp_path, tmp_path / "cache").image(content)
        assert len(environments(tmp_path / "cache")) == number


def test_a_damaged_environment_is_made_again(folder: Path, tmp_path: Path) -> None:
    name = tiny(folder)
    content = f"{FROM}COPY *.whl /w/\nRUN pip install --no-index /w/{name}\n"
    Made(folder, tmp_path, tmp_path / "cache").image(content)
    (module,) = (tmp_path / "cache").rglob("tiny.py")
    module.unlink()
    Made(folder, tmp_path, tmp_path / "cache").image(content)
    assert module.read_text() == "VERSION = '1.0'\n"


def test_packages_that_cannot_be_installed(made: Made) -> None:
    said = made.error(f"{FROM}\nRUN pip install --no-index no-such-package\n")
    assert said.splitlines()[0] == "FOLDER/Dockerfile:3: `pip install --no-index no-such-package` failed:"
    assert "no-such-package" in said.splitlines()[-1] or len(said.splitlines()) > 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "FOLDER/Dockerfile has no instructions; expected FROM first"),
        ("RUN true", "FOLDER/Dockerfile:1: RUN before FROM: a Dockerfile begins with FROM (or ARG)"),
        (f"{FROM}COPY", "FOLDER/Dockerfile:2: COPY has no arguments"),
        (f"{FROM}COPY src", "FOLDER/Dockerfile:2: COPY needs a source and a target"),
        (f"{FROM}COPY ../x /app", "FOLDER/Dockerfile:2: '../x' leads out of the folder of the Dockerfile, FOLDER"),
        (f"{FROM}\n# c\nCOPY *.txt /app/", "FOLDER/Dockerfile:4: '*.txt' does not exist in FOLDER."),
        (f"{FROM}COPY src data.csv /app", "FOLDER/Dockerfile:2: with several sources the target must end in /: '/app'"),
        (f"{FROM}ENV A='x", "FOLDER/Dockerfile:2: ENV cannot be read: no closing quotation"),
        (
            f"{FROM}RUN <<EOF\ntrue\n",
            "FOLDER/Dockerfile:2: the here-document <<EOF has no end: expected a line with EOF alone",
        ),
    ],
)
def test_a_dockerfile_that_is_refused(made: Made, lines: str, said: str) -> None:
    assert made.error(lines) == said


def test_an_unknown_instruction(made: Made) -> None:
    said = made.error(f"{FROM}COPPY src /app")
    assert said.startswith("FOLDER/Dockerfile:2: unknown instruction 'COPPY'; expected one of ADD, ARG, ")
    assert said.endswith(" Did you mean 'COPY'?")


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        (
            "RUN apt-get update",
            f"RUN apt-get update ({ONLY}, and apt-get is another program)",
        ),
        ("RUN echo a | tee /b", "RUN echo a | tee /b (it needs a shell)"),
        ("RUN mkdir /a > /dev/null", "RUN mkdir /a > /dev/null (it needs a shell)"),
        ("RUN mkdir $HOME/a", "RUN mkdir $HOME/a (it needs a shell)"),
        ("RUN mkdir -m 700 /a", "RUN mkdir -m 700 /a (of mkdir only the option -p is followed)"),
        ("RUN chmod +x /gone", "RUN chmod +x /gone (its files are not in the image here)"),
        ("RUN pip install -e .", "RUN pip install -e . (editable installations are not followed)"),
        ("COPY --from=build /a /b", "COPY /a /b (other stages and images are not followed)"),
        ("ADD https://example.com/a /b", "ADD https://example.com/a /b (nothing is downloaded: https://example.com/a)"),
        ("COPY --chmod=u+x src /b", "COPY src /b (of --chmod only numbers are followed, and this is u+x)"),
        ("ADD a.tar.gz /b", "ADD a.tar.gz /b (archives are not unpacked: a.tar.gz)"),
        ('SHELL ["/bin/bash", "-c"]', 'SHELL ["/bin/bash", "-c"] (SHELL is not followed)'),
        ("ONBUILD RUN true", "ONBUILD RUN true (ONBUILD is not followed)"),
        ("RUN <<EOF\n#!/usr/bin/env python\nEOF", f"RUN <<EOF ({SCRIPTS})"),
        ("RUN cat <<EOF > /a\na\nEOF", f"RUN cat <<EOF > /a ({SCRIPTS})"),
        ("RUN <<EOF\nmkdir /a\ncp /a /b\nEOF", f"RUN cp /a /b ({ONLY}, and cp is another program)"),
        ("RUN mkdir /a; echo $(date) > /a/b", "RUN mkdir /a; echo $(date) > /a/b (it needs a shell)"),
    ],
)
def test_what_is_not_followed_is_said(made: Made, line: str, warning: str) -> None:
    assert made.warnings(f"{FROM}{line}\n") == [f"Dockerfile:2: not followed: {warning}"]


PROGRAMS = """
FROM alpine:3 AS base
ENV NAME=two
RUN mkdir /folder
FROM base
COPY --chmod=755 <<'EOF' <<-"END" /bin/
#!/bin/sh
echo "$1 $NAME"
EOF
TAB#!/bin/sh
TABTABecho three
END
COPY <<TEXT /text
name: ${NAME}
TEXT
RUN printf '#!/bin/sh\\necho %s\\n' four > /folder/four && echo \'# end\' >> /folder/four && chmod +x /folder/four
RUN <<EOF
set -e
# links
ln -s /folder/four \\
  /bin/five
touch /folder/empty
EOF
"""


def test_programs_that_the_dockerfile_writes(sandboxed: Here, folder: Path) -> None:
    dockerfile(sandboxed, folder, PROGRAMS.replace("TAB", "\t"))
    how = sandboxed.sh("EOF one; END; five; cat /text; test -f /folder/empty")
    assert (how.phase, how.last_lines) == ("Succeeded", ("one two", "three", "four", "name: two"))


def test_a_file_that_cannot_be_written(made: Made) -> None:
    assert (
        made.error(f"{FROM}RUN mkdir /a && echo 1 > /a") == "FOLDER/Dockerfile:2: /a cannot be written: Is a directory"
    )


@pytest.mark.parametrize(
    ("base", "warning"),
    [
        ("python:2.7", f"FROM python:2.7 (the steps get Python {VERSION})"),
        ("tensorflow/tensorflow:2.9.1", "FROM tensorflow/tensorflow:2.9.1 (what this image contains is missing here)"),
    ],
)
def test_a_base_that_is_not_here(made: Made, base: str, warning: str) -> None:
    assert made.warnings(f"FROM {base}\n") == [f"Dockerfile:1: not followed: {warning}"]


def test_what_has_no_effect_here_is_no_warning(made: Made) -> None:
    lines = "USER 65534\nEXPOSE 80\nLABEL a=b\nRUN chgrp -R 65534 /src && chmod -R 777 /src\nSTOPSIGNAL SIGTERM\n"
    assert made.warnings(f"{FROM}COPY src /src\n{lines}") == []


def test_what_can_be_followed_of_a_line_is_followed(made: Made) -> None:
    image = made.image(
        f'{FROM}RUN apt-get install -y git && \\\n    # a comment\n\n    mkdir -p /a/b; mkdir /c\nRUN ["mkdir", "/d"]\n'
    )
    assert image.files is not None
    assert all((image.files / name).is_dir() for name in ("a/b", "c", "d"))
    assert [(each.line, each.text) for each in image.warnings] == [(2, "RUN apt-get install -y git")]


def test_variables(made: Made) -> None:
    lines = (
        "ENV A=1 B='2 3' C=\"$A$BASE\"\nENV D the old  form\nENV PATH=/opt/x:$PATH E=${F:-f}\nWORKDIR /w\nWORKDIR $A\n"
    )
    image = made.image(f"ARG BASE=base OTHER=other\n{FROM}ARG BASE\nENV A=0 G=$OTHER\n{lines}")
    variables = {name: value for name, value in image.variables.items() if name != "PATH"}
    assert variables == {"A": "1", "B": "2 3", "C": "0base", "D": "the old  form", "E": "f", "G": ""}
    assert image.variables["PATH"].startswith("/opt/x:/usr/local/sbin:")
    assert image.workdir == "/w/1"


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("COPY src /app", {"app/main.py", "app/package/__init__.py"}),
        ("COPY src/ /app/", {"app/main.py", "app/package/__init__.py"}),
        ("COPY src/main.py /app", {"app"}),
        ("COPY src/main.py /app/", {"app/main.py"}),
        ("COPY *.csv tool.sh /app/", {"app/data.csv", "app/tool.sh"}),
        ('COPY ["data.csv", "/my folder/"]', {"my folder/data.csv"}),
        ("COPY --chown=1:1 data.csv ./", {"data.csv"}),
        ("WORKDIR /w\nADD data.csv x.csv", {"w/x.csv"}),
    ],
)
def test_where_files_are_copied(made: Made, line: str, files: set[str]) -> None:
    image = made.image(f"{FROM}{line}\n")
    assert image.files is not None
    assert {path.relative_to(image.files).as_posix() for path in image.files.rglob("*") if path.is_file()} == files


def test_what_is_copied_into_the_root(here: Here, folder: Path) -> None:
    """The engine `process` maps its path as well, and leaves what this machine has at the same place alone."""
    (folder / "etc").mkdir()
    (folder / "etc" / "mine").touch()
    dockerfile(here, folder, f'{FROM}COPY . /\nENTRYPOINT ["sh"]\nCMD ["/tool.sh", "/etc/passwd"]\n')
    assert here.run(args=None).last_lines == ("tool /etc/passwd",)


def test_permissions(here: Here, folder: Path) -> None:
    dockerfile(here, folder, f"{FROM}COPY --chmod=755 tool.sh /a/\nCOPY tool.sh /b/\nRUN chmod 755 /b/tool.sh\n")
    assert here.sh("/a/tool.sh 1; /b/tool.sh 2").last_lines == ("tool 1", "tool 2")


def test_dockerignore(made: Made) -> None:
    (made.folder / ".dockerignore").write_text(
        "# none of these\n*.csv\n**/*.py\n!src/main.py\nDockerfile\n.dockerignore\n"
    )
    image = made.image(f"{FROM}COPY . /app\n")
    assert image.files is not None
    assert {path.name for path in image.files.rglob("*") if path.is_file()} == {"main.py", "tool.sh"}


def test_a_source_that_dockerignore_leaves_out(made: Made) -> None:
    (made.folder / ".dockerignore").write_text("*.csv\n")
    assert (
        made.error(f"{FROM}COPY data.csv /app/\n")
        == "FOLDER/Dockerfile:2: 'data.csv' is left out by .dockerignore in FOLDER."
    )


def test_a_link_in_the_folder_brings_nothing_foreign(made: Made, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("private")
    (made.folder / "link").symlink_to(tmp_path / "key")
    assert made.error(f"{FROM}COPY link /app/\n") == (
        "FOLDER/Dockerfile:2: 'link' is a link that leads out of FOLDER, or nowhere."
    )


def test_only_the_last_stage_counts(made: Made) -> None:
    image = made.image(f"FROM node:20 AS build\nRUN npm ci\n{FROM}COPY src /app\n")
    assert image.warnings == ()


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    images = Images({"*": tmp_path / "gone"}, Path(sys.executable), tmp_path, tmp_path)
    with pytest.raises(ImageError) as caught:
        images.image("a:1")
    assert str(caught.value) == f"the image a:1 is mapped to {tmp_path / 'gone'}, and there is no such folder"


def test_a_folder_without_a_dockerfile(tmp_path: Path) -> None:
    images = Images({"*": tmp_path}, Path(sys.executable), tmp_path, tmp_path)
    with pytest.raises(ImageError) as caught:
        images.image("a:1")
    assert str(caught.value) == f"the image a:1 is mapped to {tmp_path}, which has no Dockerfile"


def test_a_python_that_is_called_python3(sandboxed: Here, tmp_path: Path) -> None:
    """Debian's has no program `python`; each image of Python has one."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    for program in (environment / "bin").glob("python*"):
        program.unlink()
    (environment / "bin" / "python3").symlink_to(Path(sys.executable).resolve())
    sandboxed.images = Images({}, environment / "bin" / "python3", kept(), tmp_path)
    how = sandboxed.sh("python -c 'import sys; print(sys.prefix)'; python3 -c 'import sys; print(sys.prefix)'")
    assert (how.message, how.last_lines) == ("", (str(environment), str(environment)))


def test_an_environment_that_was_made_from_another_one(sandboxed: Here, tmp_path: Path) -> None:
    """Its program is a link to that of the other one, and so on."""
    first, second = tmp_path / "first", tmp_path / "second"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(first)], check=True)
    subprocess.run([str(first / "bin" / "python"), "-m", "venv", "--without-pip", str(second)], check=True)
    (second / "bin" / "python").unlink()
    (second / "bin" / "python").symlink_to(first / "bin" / "python")
    sandboxed.images = Images({}, second / "bin" / "python", kept(), tmp_path)
    assert sandboxed.py("import sys; print(sys.prefix)").last_lines == (str(second),)


@pytest.mark.parametrize("bin_", ["/bin", "/usr/bin"])
def test_programs_of_the_image_beside_those_of_the_machine(sandboxed: Here, folder: Path, bin_: str) -> None:
    """Without a mount for each program: a thousand of them take longer than most steps."""
    (folder / "say").write_text('#!/bin/sh\necho "said $1"\n')
    lines = f"COPY --chmod=755 say {bin_}/say\nCOPY --chmod=755 say {bin_}/ls\nRUN ln -s say {bin_}/tell\n"
    dockerfile(sandboxed, folder, FROM + lines)
    script = f"say 1; tell 2; {bin_}/ls 3; cat {bin_}/say | head -n 1; python -c 'print(4)'; wc -l < /proc/self/mounts"
    *said, mounts = sandboxed.sh(script).last_lines
    assert said == ["said 1", "said 2", "said 3", "#!/bin/sh", "4"]
    assert int(mounts) < 200
    denied = f"touch: cannot touch '{bin_}/new': Read-only file system"
    assert sandboxed.sh(f"touch {bin_}/new").last_lines == (denied,)
