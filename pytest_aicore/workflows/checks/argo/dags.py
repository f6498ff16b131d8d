"""The dependencies between the tasks of a dag, and how they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.dags import cycles
from pytest_aicore.workflows.argo.expressions import TASK_RESULTS
from pytest_aicore.workflows.argo.tags import has_placeholder
from pytest_aicore.workflows.checks.argo.names import INVALID_NAME
from pytest_aicore.workflows.checks.examples import dag
from pytest_aicore.workflows.checks.rule import argo_rule
from pytest_aicore.workflows.checks.words import listed, typo_hint
from pytest_aicore.workflows.yaml.tree import ScalarNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import CallModel, TemplateModel
    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import Node


UNKNOWN_DEPENDENCY: Final = argo_rule(
    213,
    "unknown-dependency",
    "A task depends on one that does not exist",
    "`dependencies`, `depends` and `target` name tasks of the same dag, `dependencies` in a container set containers "
    "of the same set.",
    dag(second="dependencies: [frist]"),
    dag(second="dependencies: [first]"),
)
CYCLE: Final = argo_rule(
    214,
    "dependency-cycle",
    "Tasks depend on each other in a cycle",
    "None of them could ever start; Argo refuses the dag.",
    dag("dependencies: [second]", "dependencies: [first]"),
    dag(second="dependencies: [first]"),
)
DEPENDS: Final = argo_rule(
    215,
    "depends",
    "A `depends` expression cannot be parsed",
    "Tasks are joined by `&&`, `||`, `!` and parentheses; a task's name may be followed by a result such as "
    "`.Succeeded`. `.AnySucceeded` and `.AllFailed` are only for tasks with a loop. A dag uses `depends` or "
    "`dependencies`, not both, and `continueOn` only without `depends`.",
    dag(second="depends: first.Success"),
    dag(second="depends: first.Succeeded"),
)


def check(subject: Subject, template: TemplateModel, calls: list[CallModel]) -> None:
    """Report mistakes in the dependencies between the tasks of a dag.

    Args:
        subject: the document.
        template: the one with the dag.
        calls: its tasks.
    """
    _DagCheck(subject).check(template, calls)


class _DagCheck:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._add = subject.report.add
        self._fails = subject.fails

    def check(self, template: TemplateModel, calls: list[CallModel]) -> None:
        names = [call.name for call in calls]
        by_name = dict(zip(reversed(names), reversed(calls), strict=True))
        depends = next((call for call in calls if is_given(call.node, "depends")), None)
        edges: dict[str, list[tuple[str, Node]]] = {}
        for call in calls:
            if self._subject.is_wrong(call.node, "dependencies") or self._subject.is_wrong(call.node, "depends"):
                self._subject.unclear_dags.add(template.node)
            for item in call.dependencies:
                if item.name and self._known_task(item, item.name, item.name, call, by_name):
                    edges.setdefault(call.name, []).append((item.name, item))
                elif item.name:
                    self._subject.unclear_dags.add(template.node)
            if depends is not None and call.dependencies:
                self._add(
                    DEPENDS,
                    call.node.keys["dependencies"],
                    f"The dag uses `depends` in line {depends.node.keys['depends'].line} and `dependencies` here. "
                    f"{self._fails}",
                    f"Write `depends: {' && '.join(item.name or '' for item in call.dependencies)}` instead.",
                )
            edges.setdefault(call.name, []).extend(self._depends(template, call, by_name))
        for call in calls:
            if call.name[:1].isdigit() and (depends is not None or call.dependencies):
                self._add(
                    INVALID_NAME,
                    call.node.values["name"],
                    f"The name of the task `{call.name}` cannot begin with a digit in a dag with dependencies. "
                    f"{self._fails}",
                    "Put a letter before the digit.",
                )
            if depends is not None and is_given(call.node, "continueOn"):
                self._add(
                    DEPENDS,
                    call.node.keys["continueOn"],
                    "`continueOn` cannot be combined with `depends`, used in line "
                    f"{depends.node.keys['depends'].line}. {self._fails}",
                    "Remove it, and write `depends: NAME.Succeeded || NAME.Failed` in the tasks that come after.",
                )
        if check_cycles(self._subject, edges, "task"):
            self._subject.unclear_dags.add(template.node)
        target = template.node.mapping("dag").values.get("target")
        if type(target) is ScalarNode and target.value and not has_placeholder(target.text):
            for name in target.text.split():
                if name not in by_name:
                    self._subject.report.add_inside(
                        UNKNOWN_DEPENDENCY,
                        target,
                        name,
                        f"`target` names the unknown task `{name}`. {self._fails}",
                        "Name tasks of this dag, with spaces between them.",
                        hint=typo_hint(name, by_name),
                    )

    def _known_task(
        self, node: ScalarNode, name: str, text: str, call: CallModel, by_name: dict[str, CallModel]
    ) -> bool:
        if name in by_name:
            return True
        if not has_placeholder(name):
            self._subject.report.add_inside(
                UNKNOWN_DEPENDENCY,
                node,
                text,
                f"Task `{call.name}` depends on unknown task `{name}`. {self._fails}",
                "Name a task of this dag.",
                hint=typo_hint(name, by_name),
            )
        return False

    def _depends(
        self, template: TemplateModel, call: CallModel, by_name: dict[str, CallModel]
    ) -> list[tuple[str, Node]]:
        node, depends = call.node.values.get("depends"), call.depends
        if type(node) is not ScalarNode or node.kind != "string" or depends is None:
            return []
        if has_placeholder(node.text):
            self._subject.unclear_dags.add(template.node)
            return []
        mistake = depends.mistake
        if mistake is not None:
            self._subject.unclear_dags.add(template.node)
            self._subject.report.add_inside(
                DEPENDS,
                node,
                mistake.text,
                f"`depends` cannot be parsed: {mistake.why}. {self._fails}",
                "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
            )
        edges: list[tuple[str, Node]] = []
        for name, result in depends.tasks:
            if not self._known_task(node, name, name, call, by_name):
                self._subject.unclear_dags.add(template.node)
                continue
            edges.append((name, node))
            if result is None:
                continue
            if result not in TASK_RESULTS:
                self._subject.report.add_inside(
                    DEPENDS,
                    node,
                    f"{name}.{result}",
                    f"Unknown result `{result}` of a task. {self._fails}",
                    f"Use one of {listed(TASK_RESULTS)}.",
                    hint=typo_hint(result, TASK_RESULTS),
                )
            elif result in ("AnySucceeded", "AllFailed") and not by_name[name].loops:
                self._subject.report.add_inside(
                    DEPENDS,
                    node,
                    f"{name}.{result}",
                    f"`{result}` is about the items of a loop, and the task `{name}` has no loop. {self._fails}",
                    "Use `.Succeeded` or `.Failed`.",
                )
        return edges


def check_cycles(subject: Subject, edges: dict[str, list[tuple[str, Node]]], word: str) -> bool:
    """Report one dependency of each cycle: the one on something further down in the file.

    Args:
        subject: the document.
        edges: by name the dependencies of each, with their nodes, in the order of the file.
        word: what they are, `task` or `container`.

    Returns:
        whether there is a cycle.
    """
    found = False
    for names, node in cycles(edges):
        found = True
        subject.report.add(
            CYCLE,
            node,
            f"The {word} `{names[0]}` depends on itself: {' -> '.join(names)}. {subject.fails}"
            if len(names) <= 6
            else f"The {word} `{names[0]}` depends on itself, through {len(names) - 2} others. {subject.fails}",
            "Remove one of these dependencies.",
        )
    return found
