"""The placeholders `{{...}}` in a text: where they begin and end, whatever is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def has_placeholder(text: str) -> bool:
    """Tell whether something in a text is replaced before the text is used."""
    return "{{" in text


def tags(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each placeholder begins and ends, from its first brace to behind its last.

    Args:
        text: any text; the time does not depend on how many placeholders in it are not closed.
    """
    begin = text.find("{{")
    while begin >= 0:
        end = text.find("}}", begin + 2)
        if end < 0:
            return
        yield begin, end + 2
        begin = text.find("{{", end + 2)


def without_tags(text: str, filler: str) -> str:
    """Return a text of the same length in which each character of a placeholder is another one.

    Args:
        text: any text.
        filler: the character.
    """
    parts: list[str] = []
    position = 0
    for begin, end in tags(text):
        parts += [text[position:begin], filler * (end - begin)]
        position = end
    return "".join(parts) + text[position:] if parts else text
