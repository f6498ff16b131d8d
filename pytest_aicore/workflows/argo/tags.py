"""The placeholders `{{...}}` in a text: where they begin and end, and what is in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.placeholders import to_fill_in

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_SPACES: Final = 200
"""How far is looked for the `=` of an expression: nobody writes more spaces before it."""
_MOST_LITERALS: Final = 20
"""How many pairs of closing braces an expression with map literals may have: nobody writes more."""

_VALUE: Final = re.compile(r"(workflow\.parameters|inputs\.parameters|inputs\.artifacts)\.([^\s{}]+)")


class Tag(NamedTuple):
    """A placeholder.

    Attributes:
        begin: the index of its first brace.
        end: the index after its last brace; without closing braces the end of the text, or the next `{{`.
        inner: the text between the braces.
        is_closed: whether it has closing braces of its own.
    """

    begin: int
    end: int
    inner: str
    is_closed: bool

    @property
    def name(self) -> str:
        """The text between the braces, without spaces around it: Argo looks up this name."""
        return self.inner.strip()

    @property
    def expression(self) -> str | None:
        """The expression of `{{=...}}`, None for a simple tag."""
        name = self.name
        return name[1:] if name.startswith("=") else None

    @property
    def value(self) -> tuple[str, str] | None:
        """For a parameter or artifact that a run begins with, its kind and name; None for any other tag.

        For example `("inputs.parameters", "depth")` for `{{inputs.parameters.depth}}`.
        """
        found = _VALUE.fullmatch(self.name) if self.is_closed else None
        return (found.group(1), found.group(2)) if found is not None else None


def has_placeholder(text: str) -> bool:
    """Return whether something in a text is replaced, or to be filled in, before the text is used."""
    return "{{" in text or to_fill_in(text, wholly=True) is not None


def tags(text: str) -> Iterator[Tag]:
    """Yield the placeholders of a text, in its order.

    A tag that is not closed before the next one begins is yielded as one that is not closed, as Argo resolves the inner
    one of nested tags. Only in expressions braces may stand within the braces.

    Args:
        text: any text; the time does not depend on how many placeholders in it are not closed.
    """
    begin = text.find("{{")
    end, following = 0, -1
    while begin >= 0:
        if 0 <= end < begin + 2:
            end = text.find("}}", begin + 2)
        if following <= begin:
            following = text.find("{{", begin + 2)
        is_expression = text[begin + 2 : begin + 2 + _MOST_SPACES].lstrip().startswith("=")
        if end < 0 and (is_expression or following < 0):
            yield Tag(begin, len(text), text[begin + 2 :], is_closed=False)
            return
        if (end < 0 or 0 <= following < end) and not is_expression:
            yield Tag(begin, following, text[begin + 2 : following], is_closed=False)
            begin = following
            continue
        close = end
        if is_expression:
            # A map literal may end in two braces of its own.
            for _ in range(_MOST_LITERALS):
                inner = text[begin + 2 : close]
                further = text.find("}}", close + 1) if inner.count("{") > inner.count("}") else -1
                if further < 0:
                    break
                close = further
        yield Tag(begin, close + 2, text[begin + 2 : close], is_closed=True)
        begin = text.find("{{", close + 2)


def without_tags(text: str, filler: str) -> str:
    """Return a text of the same length in which each character of a placeholder is another one.

    Args:
        text: any text.
        filler: the character.
    """
    parts: list[str] = []
    position = 0
    for tag in tags(text):
        if tag.is_closed:
            parts += [text[position : tag.begin], filler * (tag.end - tag.begin)]
            position = tag.end
    return "".join(parts) + text[position:] if parts else text
