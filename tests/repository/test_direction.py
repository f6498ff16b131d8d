"""Which module may import which: the packages' direction, and the heavy imports' one place each."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[2] / "pytest_aicore"
SECRETS = {"redact", "known_secrets", "named_values", "secret_names"}
LEAVES = {"echo", "errors", "placeholders", "printable", "processes"} | SECRETS
MAY_KNOW = {
    "workflows": {"workflows"} | LEAVES,
    "http": {"http"} | LEAVES,
    "emulator": {"emulator", "http", "workflows"} | LEAVES,
    "training": {"training", "workflows"} | LEAVES,
    "echo": {"redact"},
    "errors": {"printable"},
    "placeholders": set(),
    "printable": set(),
    **dict.fromkeys(sorted(SECRETS), SECRETS),
    "processes": {"errors"},
}
ONLY_IN = {
    "responses": "pytest_aicore.http.other_mocks",
    "ai_api_client_sdk": "pytest_aicore.training.service.sdk",
    "ai_core_sdk": "pytest_aicore.training.service.sdk",
    "yaml": "pytest_aicore.workflows.yaml.source",
    "waitress": "pytest_aicore.http.sockets",
}
HEAVY = {*ONLY_IN, "requests", "urllib3", "http.client", "ssl", "xml.dom.minidom"}


class Import(NamedTuple):
    """One import statement's name: `a.b` for `import a.b`, and `a.b.c` for `from a.b import c`."""

    name: str
    line: int
    when: str  # "import" of the module, "call" of a function, or "typing"


def imports(tree: ast.AST, when: str = "import") -> list[Import]:
    """Return what a tree imports, and when."""
    found: list[Import] = []
    for node in ast.iter_child_nodes(tree):
        now = when
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            now = "typing"
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and when == "import":
            now = "call"
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno, now) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports name their module from the top"
            found += [Import(f"{node.module}.{alias.name}", node.lineno, now) for alias in node.names]
        found += imports(node, now)
    return found


MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): imports(
        ast.parse(path.read_text(encoding="utf-8"))
    )
    for path in sorted(PACKAGE.rglob("*.py"))
}


@pytest.mark.parametrize("part", MAY_KNOW)
def test_a_part_knows_only_what_lies_below_it(part: str) -> None:
    """`workflows` knows nobody; `emulator` and `training` know it and not each other; the shell knows all."""
    offences = [
        f"{module}:{found.line} imports {found.name}"
        for module, its_imports in MODULES.items()
        if module.split(".")[1:2] == [part]
        for found in its_imports
        if found.name.startswith("pytest_aicore.") and found.name.split(".")[1] not in MAY_KNOW[part]
    ]
    assert offences == []


@pytest.mark.parametrize("heavy", ONLY_IN)
def test_a_heavy_import_has_one_place(heavy: str) -> None:
    """Each is slow to import or the user's choice, so one module answers for it (annotations may name it)."""
    importers = {
        module
        for module, its_imports in MODULES.items()
        for found in its_imports
        if found.name.split(".")[0] == heavy and found.when != "typing"
    }
    assert importers <= {ONLY_IN[heavy]}


@pytest.mark.parametrize("part", ["workflows", "emulator", "training", *sorted(LEAVES)])
def test_pytest_is_known_to_the_shell_alone(part: str) -> None:
    """The parts are plain objects that serve a command line or a script as well."""
    importers = {
        module
        for module, its_imports in MODULES.items()
        for found in its_imports
        if module.split(".")[1:2] == [part] and found.name.split(".")[0] in {"pytest", "_pytest"}
    }
    assert importers == set()


def test_the_plugin_imports_nothing_heavy() -> None:
    """Every pytest run of the environment pays for what these modules import."""
    reached: set[str] = set()
    waiting = ["pytest_aicore.plugin", "pytest_aicore.fixtures"]
    while waiting:
        name = waiting.pop()
        if name in reached or not name:
            continue
        reached.add(name)
        waiting.append(name.rpartition(".")[0])
        waiting += [found.name for found in MODULES.get(name, []) if found.when == "import"]
    assert reached & HEAVY == set()


def test_one_module_prints() -> None:
    """What `print` writes may hold what others wrote: `pytest_aicore.printable.say` makes it fit to be printed."""
    printing = [
        f"{path.name}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []
