"""What a plain process gets, and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.engines.process import PlainProcess
from pytest_aicore.running.root import Root

if TYPE_CHECKING:
    from tests.running.pods_here import Here

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("/app/data", "ROOT/app/data"),
        ("--in=/app/data/train.csv", "--in=ROOT/app/data/train.csv"),
        ("cat '/app/data' \"/app/out\"", "cat 'ROOT/app/data' \"ROOT/app/out\""),
        ("/app", "ROOT/app"),  # is there only for this step
        ("/app/database", "ROOT/app/database"),
        ("/application /app2", "/application /app2"),
        ("$HOME/app/data ./app/data other/app/data", "$HOME/app/data ./app/data other/app/data"),
        ("http://host/app/data", "http://host/app/data"),
        ("/opt /opt/given /usr/bin/env", "/opt ROOT/opt/given /usr/bin/env"),
        ("/", "/"),
    ],
)
def test_paths_of_the_template(text: str, mapped: str) -> None:
    root = Root(Path("/no-such-folder"))
    paths = {"/app/data", "/app/out", "/opt/given"}
    assert PlainProcess().mapped(text, root, paths) == mapped.replace("ROOT", "/no-such-folder")


def test_what_it_lacks_is_said() -> None:
    assert PlainProcess().lacks == (
        "no isolation: a step sees and changes all that you can, your files included",
        "only command, arguments, variables and script are mapped: code that contains /app/data finds this machine's",
        "a process that detaches itself may survive its step; a step survives a session that is killed until the next",
        "the step runs as you, not as user 65534; nothing limits its network, nor by default its memory",
    )


def test_variables_and_scripts_are_mapped(plain: Here) -> None:
    script = 'test "$OUT" = /out || echo mapped; echo 7 > /out/file; cat $OUT/file'
    how = plain.run("sh", script=script, env={"OUT": "/out"}, empty_dirs=("/out",))
    assert (how.phase, how.last_lines[-1]) == ("Succeeded", "7")
