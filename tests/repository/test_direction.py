"""Which module may import which: the rooms' direction, no circles, and the heavy imports' one place each."""

from __future__ import annotations

import ast
import functools
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.places import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRETS = {"redact", "known_secrets", "named_values", "secret_names"}
LEAVES = {"echo", "errors", "placeholders", "printable", "processes", "quantities", "service_facts"} | SECRETS
PARTS = {"baselines", "deployment", "emulator", "http", "local", "objects", "running", "training", "workflows"} | LEAVES
"""What is good for something without a session."""
SESSION = {"session", "config"} | PARTS
KNOW_PYTEST = {"__init__", "plugin", "fixtures", "hooks"}
ASKS_PYTEST = {"pytest_aicore.cli.project"}
"""A command that finds the project's ini file as pytest does, by running pytest until it has read it."""
AT_START = {"", ".plugin", ".fixtures", ".config", ".config.options", ".hooks", ".own_bytecode"}
"""Our modules that every pytest run of the environment loads."""
MAY_KNOW = {
    "hooks": {"hooks", "reports"} | SESSION,
    "cli": {"cli", "reports"} | SESSION,
    "reports": {"reports"} | SESSION,
    "session": SESSION,
    "config": {"config", "objects", "training", "workflows"} | LEAVES,
    "workflows": {"workflows"} | LEAVES,
    "http": {"http"} | LEAVES,
    "emulator": {"emulator", "http", "objects", "workflows"} | LEAVES,
    "deployment": {"deployment", "baselines", "training", "workflows"} | LEAVES,
    "training": {"training", "baselines", "http", "objects", "workflows"} | LEAVES,
    "baselines": {"baselines"} | LEAVES,
    "running": {"running", "workflows"} | LEAVES,
    "local": {"local", "emulator", "http", "objects", "running", "workflows"} | LEAVES,
    "objects": {"objects"} | LEAVES,
    "echo": {"redact"},
    "errors": {"printable"},
    "own_bytecode": set(),
    "placeholders": set(),
    "printable": set(),
    "quantities": set(),
    "service_facts": set(),
    **dict.fromkeys(sorted(SECRETS), SECRETS),
    "processes": {"errors"},
}
ONLY_IN = {
    "responses": "pytest_aicore.http.other_mocks",
    "ai_api_client_sdk": "pytest_aicore.training.service.sdk",
    "ai_core_sdk": "pytest_aicore.training.service.sdk",
    "yaml": "pytest_aicore.workflows.yaml.source",
    "waitress": "pytest_aicore.http.sockets",
    "boto3": "pytest_aicore.objects.s3",
    "jinja2": "pytest_aicore.reports.html.rendering",
    "markupsafe": "pytest_aicore.reports.html.rendering",
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


@functools.cache
def modules() -> dict[str, list[Import]]:
    """Return what each module of the package imports."""
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): imports(
            ast.parse(path.read_text(encoding="utf-8"))
        )
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def knows(modules: Mapping[str, list[Import]]) -> dict[str, set[str]]:
    """Return which of the modules each of them imports, whenever it does.

    Args:
        modules: the imports of each.
    """
    return {
        module: {
            target
            for found in its_imports
            for target in [found.name if found.name in modules else found.name.rpartition(".")[0]]
            if target in modules and target != module
        }
        for module, its_imports in modules.items()
    }


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the modules that import each other in circles, each of them once; none if there is no circle.

    Args:
        graph: which modules each of them imports.
    """
    reached = {module: _reached_from(module, graph) for module in graph}
    found: list[list[str]] = []
    for module in sorted(graph):
        if module in reached[module] and not any(module in circle for circle in found):
            found.append(sorted(other for other in reached[module] if module in reached[other]))
    return found


def _reached_from(module: str, graph: Mapping[str, set[str]]) -> set[str]:
    """Return what a module imports, and what that imports, and so on; the module itself only by a circle."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        new = graph[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached


def test_no_module_imports_itself_by_way_of_others() -> None:
    """A circle of imports is one module in several files: none of them can be understood without the others."""
    assert circles(knows(modules())) == []


@pytest.mark.parametrize(
    "planted",
    [
        "from box.b import thing",
        "import box.b",
        "from box import b",
        "def f():\n    from box.b import thing",
        "class A:\n    async def f(self):\n        import box.b",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from box.b import Thing",
        "try:\n    import box.b\nexcept ImportError:\n    pass",
    ],
)
def test_a_planted_circle_is_refused(planted: str) -> None:
    """Imports for types and inside functions count: they hide a circle from Python, and from nobody who reads."""
    sources = {
        "box": "",
        "box.a": planted,
        "box.b": "from box.c import other",
        "box.c": "def g():\n    from box.a import f",
        "box.above": "import box.a",
        "box.below": "",
    }
    modules = {module: imports(ast.parse(source)) for module, source in sources.items()}
    assert circles(knows(modules)) == [["box.a", "box.b", "box.c"]]
    assert circles(knows({**modules, "box.a": []})) == []


def test_each_part_has_a_row() -> None:
    """Of a room without one nothing would be refused."""
    parts = {module.split(".")[1] for module in modules() if "." in module}
    assert parts == {*MAY_KNOW, *KNOW_PYTEST} - {"__init__"}


@pytest.mark.parametrize("part", MAY_KNOW)
def test_a_part_knows_only_what_lies_below_it(part: str) -> None:
    """The shell goes from hooks down to config; `emulator` and `training` do not know each other."""
    offences = [
        f"{module}:{found.line} imports {found.name}"
        for module, its_imports in modules().items()
        if module.split(".")[1:2] == [part]
        for found in its_imports
        if found.name.startswith("pytest_aicore.") and found.name.split(".")[1] not in MAY_KNOW[part]
    ]
    assert offences == []


def test_the_rooms_of_the_emulator_know_only_what_lies_below_them() -> None:
    """From what is remembered up to what is served; the facade that tests hold is a room of its own."""
    floor = {name: number for number, name in enumerate(("store", "world", "api", "control", "", "serve"))}
    offences = [
        f"{module} imports {target}"
        for module, targets in knows(modules()).items()
        for target in targets
        if module.split(".")[1:2] == target.split(".")[1:2] == ["emulator"]
        and floor[_room_of(target, floor)] > floor[_room_of(module, floor)]
    ]
    assert offences == []


def _room_of(module: str, rooms: Mapping[str, int]) -> str:
    name = (*module.split("."), "", "")[2]
    return name if name in rooms else ""


@pytest.mark.parametrize("heavy", ONLY_IN)
def test_a_heavy_import_has_one_place(heavy: str) -> None:
    """Each is slow to import or the user's choice, so one module answers for it (annotations may name it)."""
    importers = {
        module
        for module, its_imports in modules().items()
        for found in its_imports
        if found.name.split(".")[0] == heavy and found.when != "typing"
    }
    assert importers <= {ONLY_IN[heavy]}


@pytest.mark.parametrize(
    "part",
    sorted(
        {path.stem for path in PACKAGE.iterdir() if path.suffix in ("", ".py")}
        - KNOW_PYTEST
        - {"__init__", "__pycache__", "py"}
    ),
)
def test_pytest_is_known_to_the_hooks_alone(part: str) -> None:
    """All other rooms hold plain objects that serve a command line or a script as well."""
    importers = {
        module
        for module, its_imports in modules().items()
        for found in its_imports
        if module.split(".")[1:2] == [part] and found.name.split(".")[0] in {"pytest", "_pytest"}
    } - ASKS_PYTEST
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
        waiting += [found.name for found in modules().get(name, []) if found.when == "import"]
    assert reached & HEAVY == set()
    assert {name for name in reached if name in modules()} == {f"pytest_aicore{name}" for name in AT_START}


def test_one_module_prints() -> None:
    """What `print` writes may hold what others wrote: `pytest_aicore.printable.say` makes it fit to be printed."""
    printing = [
        f"{path.name}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []
