"""Mutants of a module: copies of its source that each do one thing differently.

The operators are mutmut's. Its runner is not used: it leaves out decorated functions (properties, context managers,
hooks of pytest) and what a module says outside functions, and puts functions of its own between ours, which a package
that is loaded as a plugin before there is a test does not survive. To mutmut's operators come those that the mistakes
of this package ask for: a text inside an f-string (messages are features), a lock that is not taken, a statement that
is left out, a condition that is turned round.
"""

from __future__ import annotations

import difflib
import textwrap
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators, operator_string

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NO_BEHAVIOUR = ("__tracebackhide__", "__all__")
"""Module attributes that say how tracebacks and names are shown."""
_COMPOUND = (cst.If, cst.While, cst.For, cst.With, cst.FunctionDef, cst.ClassDef)


@dataclass(frozen=True)
class Mutant:
    """A module that does one thing differently.

    Args:
        number: in the order of the source, beginning with 0.
        where: the function, with its class.
        lines: of the statement that was changed.
        source: of the whole module.
        diff: the lines that were changed, without the file's name.
    """

    number: int
    where: str
    lines: range
    source: str
    diff: str


@dataclass(frozen=True)
class _Place:
    """A node of a module, with the nodes around it, the outermost first."""

    around: tuple[cst.CSTNode, ...]
    node: cst.CSTNode
    where: str = ""
    statement: int = 0
    """Which of the nodes around it is the statement, counting this node as the last."""

    def changed(self, new: Any, outermost: int = 0) -> Any:
        """Return one of the nodes around this one, with another node in the place of this one."""
        old = self.node
        for parent in reversed(self.around[outermost:]):
            old, new = parent, _with_child(parent, old, new)
        return new


def mutants_of(source: str) -> list[Mutant]:
    """Return all mutants of a module that differ from it and from each other.

    Args:
        source: of the module.
    """
    module = cst.parse_module(source)
    positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    lines = source.splitlines(keepends=True)
    seen = {source}
    mutants: list[Mutant] = []
    for place in _places(_Place((), module)):
        for new in _variants(place.node):
            statement = (*place.around, place.node)[place.statement]
            start = positions[statement].start.line
            before, after = _head(module, statement), _head(module, place.changed(new, place.statement))
            old = lines[start - 1 : start - 1 + before.count("\n")]
            indent = old[0][: len(old[0]) - len(old[0].lstrip())]
            if "".join(old) == textwrap.indent(before, indent):
                code = "".join([*lines[: start - 1], textwrap.indent(after, indent), *lines[start - 1 + len(old) :]])
            else:  # slow, and only for what is not on lines of its own
                code = str(place.changed(new).code)
            if code not in seen:
                seen.add(code)
                span = range(start, start + len(old))
                mutants.append(Mutant(len(mutants), place.where, span, code, _diff(source, code)))
    return mutants


def _head(module: cst.Module, statement: Any) -> str:
    """Return the text of a simple statement, or of a compound one without what is indented under it."""
    plain = statement.with_changes(leading_lines=[]) if hasattr(statement, "leading_lines") else statement
    if not isinstance(plain, _COMPOUND):
        return str(module.code_for_node(plain))
    rest = {name: None for name in ("orelse", "finalbody") if hasattr(plain, name)}
    body = plain.body.with_changes(body=[cst.SimpleStatementLine([cst.Pass()])], footer=[])
    whole = str(module.code_for_node(plain.with_changes(body=body, **rest)))
    return whole.rstrip("\n").rpartition("\n")[0] + "\n"


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in list(lines)[2:] if not line.startswith("@@"))


def _with_child(parent: cst.CSTNode, old: cst.CSTNode, new: cst.CSTNode) -> cst.CSTNode:
    for field in fields(parent):
        value = getattr(parent, field.name)
        if value is old:
            return parent.with_changes(**{field.name: new})
        if isinstance(value, (list, tuple)) and any(each is old for each in value):
            return parent.with_changes(**{field.name: [new if each is old else each for each in value]})
    raise AssertionError(f"{type(old).__name__} is not a child of {type(parent).__name__}")


def _places(place: _Place) -> Iterator[_Place]:
    """Yield a node and all nodes in it."""
    node, where, statement = place.node, place.where, place.statement
    if _is_without_behaviour(node):
        return
    if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
        where = f"{where}.{node.name.value}" if where else node.name.value
    if isinstance(node, (cst.SimpleStatementLine, *_COMPOUND)):
        statement = len(place.around)
    yield _Place(place.around, node, where, statement)
    for child in node.children:
        yield from _places(_Place((*place.around, node), child, where, statement))


def _is_without_behaviour(node: cst.CSTNode) -> bool:
    """Return whether nothing in a node does anything when the program runs, docstrings and types above all."""
    if isinstance(node, cst.Annotation):
        return True
    if isinstance(node, cst.If):
        return isinstance(node.test, cst.Name) and node.test.value == "TYPE_CHECKING"
    if isinstance(node, cst.Expr):
        return isinstance(node.value, (cst.SimpleString, cst.ConcatenatedString))
    if isinstance(node, cst.Assign):
        target = node.targets[0].target
        is_type = isinstance(node.value, cst.Call) and getattr(node.value.func, "value", "") == "TypeVar"
        return is_type or (isinstance(target, cst.Name) and target.value in _NO_BEHAVIOUR)
    return False


def _variants(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            found: Iterable[cst.CSTNode] = operator(node)
            # mutmut has three mutants of a string; a test that compares it kills all three.
            yield from list(found)[:1] if operator is operator_string else found
    if isinstance(node, cst.FormattedStringText) and node.value.strip():
        yield node.with_changes(value=f"XX{node.value}XX")
    if isinstance(node, cst.WithItem) and node.asname is None:
        yield node.with_changes(item=cst.parse_expression('__import__("contextlib").nullcontext()'))
    if isinstance(node, (cst.If, cst.While, cst.IfExp)):
        yield node.with_changes(test=_opposite(node.test))
    if isinstance(node, cst.SimpleStatementLine) and _can_be_left_out(node.body[0]):
        yield node.with_changes(body=[cst.Pass()])
    if isinstance(node, cst.Return) and node.value is not None and not _is_name(node.value, "None"):
        yield node.with_changes(value=cst.Name("None"), whitespace_after_return=cst.SimpleWhitespace(" "))


def _can_be_left_out(statement: cst.BaseSmallStatement) -> bool:
    is_call = isinstance(statement, cst.Expr) and isinstance(statement.value, cst.Call)
    return is_call or isinstance(statement, (cst.Raise, cst.AugAssign, cst.Del))


def _opposite(test: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return test.expression
    inner = test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.UnaryOperation(operator=cst.Not(), expression=inner)


def _is_name(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name
