"""Try an installed pytest-aicore in an empty project, as somebody does who has just installed it.

Usage: `python .ci/bare.py FOLDER`, with `--sdk` where the environment has SAP's SDK. The folder is made.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKFLOW = ROOT / "workflows" / "training_workflow_tutorial.yaml"


def expect(words: list[str], folder: Path, status: int, *texts: str) -> None:
    """Run a command of this environment, and end with its output if it ends or says otherwise than expected."""
    command = [sys.executable, "-I", "-m", *words]
    ran = subprocess.run(  # noqa: S603
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    output = ran.stdout + ran.stderr
    print(f"{sys.version_info[0]}.{sys.version_info[1]} $ {' '.join(words)}")
    lacking = [text for text in texts if text not in output]
    if ran.returncode != status or lacking:
        sys.exit(f"{output}\nexit status {ran.returncode}, expected {status}; not in the output: {lacking}")


def main(folder: Path, *, sdk: bool) -> None:
    """Check workflows, and run README's first example."""
    (folder / "workflows").mkdir(parents=True, exist_ok=True)
    shutil.copy(WORKFLOW, folder / "workflows")
    example = re.search(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    if example is None:
        sys.exit("README.md has no example")
    (folder / "test_training.py").write_text(example[1], encoding="utf-8")
    if sdk:
        expect(["pytest", "-v", "test_training.py"], folder, 0, "test_training_completes PASSED", "1 passed")
        return
    (folder / "test_unrelated.py").write_text("def test_it(): pass\n", encoding="utf-8")
    expect(["pytest", "test_unrelated.py"], folder, 0, "aicore", "1 passed")
    expect(["pytest_aicore.cli", "--version"], folder, 0, "pytest-aicore")
    expect(["pytest_aicore.cli", "check", "workflows"], folder, 0, "1 file checked")
    broken = WORKFLOW.read_text(encoding="utf-8").replace("globalName", "# globalName")
    (folder / "broken.yaml").write_text(broken, encoding="utf-8")
    expect(["pytest_aicore.cli", "check", "broken.yaml"], folder, 1, "error AIC318")
    expect(["pytest", "test_training.py"], folder, 2, "pip install 'pytest-aicore[sdk]'")


if __name__ == "__main__":
    main(Path(sys.argv[-1]), sdk="--sdk" in sys.argv)
