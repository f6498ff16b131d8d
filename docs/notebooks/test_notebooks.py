"""Notebooks as tests: each runs against a server of this test, emulated or with the training's real code.

The recipe of docs/notebooks.md. It needs: pip install 'pytest-aicore[sdk,server,local]' nbclient ipykernel
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

nbformat = pytest.importorskip("nbformat", reason="pip install nbclient ipykernel")
nbclient = pytest.importorskip("nbclient", reason="pip install nbclient ipykernel")

HERE = Path(__file__).parent
WORKFLOWS = HERE.parents[1] / "workflows"
WORLDS = {
    "emulated": ["--pace", "instant"],  # a notebook really sleeps between its polls: this one has none to wait for
    "local": [
        *("--local", "--local-store", str(WORKFLOWS / "store")),
        *("--image", f"docker.io/example/text-clf-train:*={WORKFLOWS / 'text_clf'}"),
    ],
}


@pytest.fixture(params=WORLDS)
def service_key(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The file with the service key of a server."""
    key = tmp_path / "key.json"
    command = [sys.executable, "-m", "pytest_aicore.cli", "serve", "--workflows", str(WORKFLOWS)]
    command += ["--service-key-out", str(key), *WORLDS[request.param]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as server:  # noqa: S603
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]  # it is ready; without a line it has ended, with a message
        if request.param == "emulated":  # nothing trains there: say what a training would log
            script = json.dumps({"metrics": {"accuracy": 0.9}}).encode()
            urllib.request.urlopen(f"{url}/__aicore__/scripts", script).close()  # noqa: S310
        yield key
        server.terminate()


@pytest.mark.parametrize("path", sorted(HERE.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebook(path: Path, service_key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that raises fails the test, with the cell and its traceback."""
    monkeypatch.setenv("AICORE_KEY_FILE", str(service_key))
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    assert "model: ai://default/" in printed
    assert "accuracy 0.9" in printed
