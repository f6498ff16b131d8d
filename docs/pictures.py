"""Make the pictures of README and docs from a real session: `python docs/pictures.py`.

It carries the trainings of `workflows/` out on this machine, and one more that fails. It needs the extras `sdk`,
`local` and `html`, the group `browser`, and chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
FAILING = """
import pytest

CONTRACTS = {"contracts": "ai://default/contracts"}

@pytest.mark.aicore("churn_dag.yaml", artifacts=CONTRACTS, parameters={"LEARNING_RATE": "fast"})
def test_churn_is_learnt_fast(aicore_execution): pass
"""
SIZE = {"width": 1280, "height": 800}


def report(folder: Path) -> Path:
    """Run the session in a folder, and return its page.

    Args:
        folder: where the project is copied to.
    """
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "workflows", folder / "workflows")
    (folder / "workflows" / "test_churn_learnt_fast.py").write_text(FAILING)
    page = folder / "report.html"
    options = ["-p", "no:cacheprovider", "-p", "no:randomly", "--aicore-local", f"--aicore-html={page}"]
    subprocess.run([sys.executable, "-m", "pytest", "-q", "workflows", *options], cwd=folder, check=False)  # noqa: S603
    return page


def pictures(page: Path) -> None:
    """Take the pictures.

    Args:
        page: of the session.
    """
    from playwright.sync_api import sync_playwright

    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, scheme, place in (("report", "light", ""), ("report-run", "dark", ".run.failed")):
            tab: Any = browser.new_page(viewport=SIZE, color_scheme=scheme)
            tab.goto(page.as_uri())
            if place:
                tab.eval_on_selector(place, "each => { each.open = true; each.scrollIntoView(); }")
            tab.screenshot(path=PICTURES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        pictures(report(Path(made)))
