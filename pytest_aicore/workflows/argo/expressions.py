"""The small languages in a workflow: `depends`, `when`, and `{{=...}}`, parsed leniently."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pytest_aicore.workflows.argo.tags import without_tags

TASK_RESULTS: Final = (
    "Succeeded",
    "Failed",
    "Errored",
    "Skipped",
    "Omitted",
    "Daemoned",
    "AnySucceeded",
    "AllFailed",
)
"""What may follow the name of a task in `depends`."""


class Mistake(NamedTuple):
    """A mistake in an expression: the piece of text to point at, and the reason, a clause."""

    text: str
    why: str


class Dependency(NamedTuple):
    """A task that an expression names, and the result it has to end with, None for the usual ones."""

    task: str
    result: str | None


class Depends(NamedTuple):
    """A `depends` expression.

    Attributes:
        tasks: the tasks that it names, as far as it can be read.
        mistake: the first thing that is wrong with it, None for nothing.
        is_conditional: whether it can be false when all its tasks have ended as usual.
    """

    tasks: list[Dependency]
    mistake: Mistake | None
    is_conditional: bool


_DEPENDS_TOKEN: Final = re.compile(r"\s*(?:(&&|\|\||!|\(|\))|'([^']*)'|\"([^\"]*)\"|([\w.-]+)|(\S))")


def parse_depends(text: str) -> Depends:
    """Parse a `depends` expression.

    Args:
        text: for example `prepare && (train.Succeeded || train.Skipped)`.
    """
    found: list[Dependency] = []
    depth = 0
    wants_task = True
    position = 0
    last = ""
    is_conditional = False
    mistake: Mistake | None = None
    stripped = text.rstrip()
    while position < len(stripped) and mistake is None:
        token = _DEPENDS_TOKEN.match(stripped, position)
        if token is None:  # pragma: no cover - the last alternative takes any character
            break
        position = token.end()
        group = token.lastindex or 0
        operator = token.group(1) if group == 1 else None
        word = token.group(group) if 2 <= group <= 4 else None
        last = token.group().strip()
        if word is not None:
            if not wants_task:
                mistake = _missing_operator(word)
                continue
            name, _, result = word.partition(".")
            found.append(Dependency(name, result or None))
            wants_task = False
            is_conditional = is_conditional or bool(result)
        elif operator in ("&&", "||"):
            is_conditional = is_conditional or operator == "||"
            if wants_task:
                mistake = Mistake(operator, f"`{operator}` has no task on its left")
            wants_task = True
        elif operator == "!":
            is_conditional = True
            if not wants_task:
                mistake = Mistake(operator, "`!` belongs before a task, not after it")
        elif operator == "(":
            if not wants_task:
                mistake = Mistake(operator, "`(` follows a task without `&&` or `||`")
            depth += 1
        elif operator == ")":
            depth -= 1
            if depth < 0:
                mistake = Mistake(operator, "`)` has no opening `(`")
            elif wants_task:
                mistake = Mistake(operator, "`)` follows an operator without a task")
        elif last in ("&", "|"):
            mistake = Mistake(last, f"write `{last * 2}`, not `{last}`")
        elif last == ",":
            mistake = Mistake(last, "tasks are joined by `&&` or `||`, not by commas")
        else:
            mistake = Mistake(last, f"`{last}` is not allowed here")
    if mistake is None and depth > 0:
        mistake = Mistake("(", "`(` is not closed")
    if mistake is None and wants_task and found:
        mistake = Mistake(last, f"`{last}` has no task on its right")
    return Depends(found, mistake, is_conditional)


def _missing_operator(word: str) -> Mistake:
    if word.lower() in ("and", "or"):
        return Mistake(word, f"write `{'&&' if word.lower() == 'and' else '||'}`, not `{word}`")
    return Mistake(word, f"`&&` or `||` is missing before `{word}`")


_WHEN_TOKEN: Final = re.compile(
    r"\s*(?:"
    r"(?P<operator>==|!=|>=|<=|=~|!~|&&|\|\||\?\?|\*\*|<<|>>|[<>+*/%^|&?:,]|-(?=\s))"
    r"|(?P<single>=)"
    r"|(?P<not>!)"
    r"|(?P<open>\()|(?P<close>\))"
    r"|(?P<operand>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\[[^\]]*\]|[-~]?[\w.$@#\ue000-][\w.$@#\ue000/:+*-]*)"
    r"|(?P<other>\S))"
)


def when_mistake(text: str) -> Mistake | None:
    """Return a certain mistake in a `when` condition, None without one or if the condition cannot be checked.

    Args:
        text: for example `"{{steps.test.outputs.result}} == passed"`.
    """
    if "{{=" in text or "asInt" in text or "asFloat" in text or "sprig" in text:
        return None
    flat = without_tags(text, "\ue000")
    depth = 0
    wants_operand = True
    position = 0
    last = ""
    flat = flat.rstrip()
    while position < len(flat):
        token = _WHEN_TOKEN.match(flat, position)
        if token is None:  # pragma: no cover - the last alternative takes any character
            return None
        start, position = token.start(token.lastgroup or 0), token.end()
        last = text[start:position]
        kind = token.lastgroup
        if kind == "other":
            return Mistake(last, f"the quotation mark {last} is not closed") if last in "'\"" else None
        if kind == "single":
            return Mistake(last, "a comparison is written `==`, not `=`")
        if kind == "operand":
            if not wants_operand:
                if last.lower() == "in":
                    wants_operand = True
                    continue
                if last.lower() in ("and", "or"):
                    return Mistake(last, f"write `{'&&' if last.lower() == 'and' else '||'}`, not `{last}`")
                return Mistake(last, f"an operator is missing before `{last}`; a text with spaces needs quotes")
            wants_operand = False
        elif kind == "operator":
            if wants_operand:
                return Mistake(last, f"`{last}` has nothing on its left")
            wants_operand = True
        elif kind == "open":
            depth += 1
            wants_operand = True
        elif kind == "close":
            depth -= 1
            if depth < 0:
                return Mistake(last, "`)` has no opening `(`")
    if depth > 0:
        return Mistake("(", "`(` is not closed")
    if wants_operand and last:
        return Mistake(last, f"`{last}` has nothing on its right")
    return None


_CLOSING: Final = {")": "(", "]": "[", "}": "{"}


def bracket_mistake(text: str) -> Mistake | None:
    """Return the first bracket or quotation mark of an expression that is not matched.

    Args:
        text: the text between `{{=` and `}}`.
    """
    stack: list[str] = []
    quote = ""
    skip = False
    for character in text:
        if skip:
            skip = False
        elif quote:
            if character == "\\" and quote != "`":
                skip = True
            elif character == quote:
                quote = ""
        elif character in "'\"`":
            quote = character
        elif character in "([{":
            stack.append(character)
        elif character in _CLOSING and (not stack or stack.pop() != _CLOSING[character]):
            return Mistake(character, f"`{character}` has no opening bracket")
    if quote:
        return Mistake(quote, f"the quotation mark {quote} is not closed")
    if stack:
        return Mistake(stack[-1], f"`{stack[-1]}` is not closed")
    return None
