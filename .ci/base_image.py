"""Write the root file system of the images of the tests: programs of this machine, its Python, what these need.

No image registry is asked. python .ci/base_image.py PYTHON > image.tar
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

PROGRAMS = (
    *("basename", "cat", "chmod", "cp", "cut", "date", "dirname", "echo", "env", "false", "grep", "head", "hostname"),
    *("id", "ln", "ls", "mkdir", "mkfifo", "mv", "printenv", "printf", "pwd", "rm", "sed", "seq", "setsid", "sh"),
    *("sleep", "sort", "tail", "test", "touch", "tr", "true", "truncate", "wc", "xargs", "yes"),
)
TEMPORARY = ("tmp", "var/tmp")
FOLDERS = dict.fromkeys(("home", "opt", "root", "run", "srv", "var/log"), 0o755) | dict.fromkeys(TEMPORARY, 0o1777)
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}
LEFT_OUT = re.compile(r"(?:^|/)(?:__pycache__|tests?|idlelib|tkinter|(?:site|dist)-packages|config-[^/]*)(?:/|$)")
ASK = "import json, sys, sysconfig; print(json.dumps([sys.base_prefix, sysconfig.get_path('stdlib')]))"


def libraries(program: Path) -> list[Path]:
    """Return what a program is linked with."""
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout  # noqa: S603, S607
    return [Path(found) for found in re.findall(r"(/\S+) \(0x", said)]


def main(python: str) -> None:
    """Write the archive to stdout."""
    asked = subprocess.run([python, "-c", ASK], capture_output=True, text=True, check=True).stdout  # noqa: S603
    prefix, stdlib = map(Path, json.loads(asked))
    interpreter = Path(python).resolve()
    files: dict[str, Path] = {"usr/bin/" + name: Path(shutil.which(name) or "").resolve() for name in PROGRAMS}
    files[str(interpreter).lstrip("/")] = interpreter
    for path in stdlib.rglob("*"):
        if path.is_file() and LEFT_OUT.search(path.relative_to(stdlib).as_posix()) is None and path.suffix != ".a":
            files[str(path).lstrip("/")] = path
    needed = [path for name, path in files.items() if not name.endswith((".py", ".txt"))]
    for library in {found for path in needed if path.read_bytes()[:4] == b"\x7fELF" for found in libraries(path)}:
        files[str(library).lstrip("/")] = library.resolve()
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as packed:
        for name, mode in FOLDERS.items():
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            packed.addfile(folder)
        links = {"bin": "usr/bin", "usr/bin/python": f"{interpreter}", "usr/bin/python3": f"{interpreter}"}
        for name, target in links.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            packed.addfile(link)
        for name, text in FILES.items():
            small = tarfile.TarInfo(name)
            small.size, small.mode = len(text), 0o644
            packed.addfile(small, io.BytesIO(text.encode()))
        for name, path in sorted(files.items()):
            entry = packed.gettarinfo(str(path), name)
            entry.uid = entry.gid = 0
            with path.open("rb") as content:
                packed.addfile(entry, content)
    print(f"{len(files)} files of {prefix} and this machine", file=sys.stderr)


main(sys.argv[1])
