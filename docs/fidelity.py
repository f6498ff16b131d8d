"""Write `docs/fidelity.md` from the emulator's routes and from what its modules say about themselves.

python docs/fidelity.py
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from pytest_aicore.emulator.api.handlers import token  # noqa: E402
from pytest_aicore.emulator.api.routes import ROUTES, TOKEN  # noqa: E402
from tests.emulator.specification.openapi import DEVIATIONS, NOT_SPECIFIED  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "fidelity.md"
EMULATOR = ROOT / "pytest_aicore" / "emulator"
WORD = "assum"
SOURCES = (
    ("captured", "an answer of the real service was seen, in SAP's documentation, tests, tutorials or issues"),
    ("SDK tests", "SAP's own tests, which run against the real service, expect it"),
    ("documentation", "SAP's documentation says it in words"),
    ("specification", "SAP's OpenAPI file, version 2.42.0, says it"),
    ("SDK", "SAP's Python SDK makes the call, and nobody else describes it"),
    ("assumed", "nobody knows: the emulator had to choose, and the choice has a name in its code"),
)
COUNTED = (
    ("specification", "from the specification"),
    ("captured", "from captured answers"),
    ("SDK tests", "from SAP's own tests"),
    ("documentation", "from documentation"),
)
HEAD = """\
# How true the emulator is

Made by `python docs/fidelity.py` from the emulator's own code; a test keeps it true.

Each operation of SAP AI Core that the emulator serves, with where its facts come from:

| word | meaning |
|---|---|
"""


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something that nobody knows about the real service, and what the emulator does about it."""

    module: str
    name: str
    value: str
    text: str


def assumptions() -> list[Assumption]:
    """Return what the emulator's modules say that they assume, in constants and in what functions do."""
    return [
        assumption
        for path in sorted(EMULATOR.rglob("*.py"))
        if path.name != "routes.py"
        for assumption in _of_module(path.relative_to(EMULATOR.parent).as_posix(), path.read_text(encoding="utf-8"))
    ]


def _of_module(module: str, source: str) -> Iterator[Assumption]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            text = ast.get_docstring(node) or ""
            for sentence in _sentences(text):
                if WORD in sentence.lower():
                    yield Assumption(module, f"{node.name}()", "", sentence)
        body = getattr(node, "body", [])
        for statement, following in pairwise(body) if isinstance(body, list) else ():
            text = _text(following)
            if WORD not in text.lower() or not isinstance(statement, (ast.Assign, ast.AnnAssign)):
                continue
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            value = ast.unparse(statement.value) if statement.value is not None else ""
            yield Assumption(module, ast.unparse(target), value if len(value) <= 40 else "", text)


def _text(node: ast.stmt) -> str:
    """Return the string that stands alone below an assignment, or nothing."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""


def _sentences(docstring: str) -> list[str]:
    paragraphs = [" ".join(paragraph.split()) for paragraph in docstring.split("\n\n")]
    return [f"{sentence.rstrip('.')}." for paragraph in paragraphs for sentence in paragraph.split(". ") if sentence]


def page() -> str:
    """Return the page."""
    lines = [HEAD + "\n".join(f"| {word} | {meaning} |" for word, meaning in SOURCES), ""]
    routes = sorted(ROUTES, key=lambda route: route.operation)
    counted = Counter(word for route in routes for word, _ in SOURCES if word in _words(route.source))
    specified = len(routes) + 1 - len(NOT_SPECIFIED)
    known = f"{len(routes) + 1} operations, {specified} of which are all that the specification has."
    facts = ", ".join(f"{words} in {counted[word]}" for word, words in COUNTED)
    lines += [
        f"{known} Facts come {facts}; something is assumed in {counted['assumed']}.",
        "",
        "## What is assumed",
        "",
        "What nobody outside SAP knows. Each choice is one place in the code: if you know better, please say so.",
        "",
    ]
    module = ""
    for each in assumptions():
        if each.module != module:
            module = each.module
            lines += ["", f"`{module}`", ""]
        value = f" = `{each.value}`" if each.value else ""
        lines.append(f"- `{each.name}`{value}: {each.text}")
    lines += [
        "",
        "## Where the service differs from its specification",
        "",
        "Each answer that the emulator gives in its own test suite is held against SAP's OpenAPI file: status, content",
        "type, headers and body. These are the only differences, each of them on purpose:",
        "",
        *(f"- **{name}**: {source}." for name, (_, source) in DEVIATIONS.items()),
        "",
        "## Operations",
        "",
        "As `Emulator.fault` and the log of requests name them, which is how SAP's SDK names its methods.",
        "",
        "| operation | call | where its facts come from |",
        "|---|---|---|",
        *(f"| `{route.operation}` | `{route.signature}` | {route.source} |" for route in routes),
        f"| `{TOKEN}` | `POST {token.PATH}` | captured |",
    ]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def _words(source: str) -> set[str]:
    """Return the words for sources that a source is made of."""
    found = {word for word, _ in SOURCES if word in source.replace("documented", "documentation")}
    return found - {"SDK"} if "SDK tests" in found else found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
