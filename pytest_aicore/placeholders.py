"""What was left for somebody, or a tool, to fill in: `<YOUR_DOCKER_USERNAME>`, `${SECRET}`, `@TAG@`; and how our own
messages write it.
"""

from __future__ import annotations

import re
from typing import Final

VALUE: Final = "<value>"
"""What a line to copy has where only its reader knows the value."""

NAME: Final = "NAME"
"""What an option to copy has where a name belongs."""
LEFT: Final = "was left to be filled in. Put the real value in its place."
"""What is said of a value that still is a placeholder, after the value or its name."""

# Tokens that language models know, and elements of HTML, are values, and nothing to fill in.
_TOKENS: Final = (
    r"s|pad|unk|sep|cls|g?mask|bos|eos|sos|eo[dmpt]|sop|sent|start|end|image|video|audio|speech|think|answer|tools?"
    r"|tool_calls?|tool_response|user|assistant|system|human|bot|im_\w+|fim_\w+|(?:start|begin|end)_of_\w+"
    r"|\w+_(?:start|end|pad)|\w+_\d+|unused\d+"
)
_ELEMENTS: Final = r"a|b|body|br|code|div|em|h[1-6]|head|hr|html|i|img|li|ol|p|pre|span|strong|su[bp]|table|t[dhr]|u|ul"
_MEANT: Final = rf"(?i:(?:{_TOKENS}|{_ELEMENTS}) ?/?)"
_YOURS: Final = r"\bYOUR[_-][A-Za-z0-9_-]+"
_BETWEEN_ATS: Final = r"@(?:[A-Z][A-Z0-9_.-]*|[a-z]\w*(?:\.[\w-]+)+)@"  # of Maven, CMake, autoconf; no password
# Of the same in small letters, of Windows, Azure pipelines, templates in brackets, ERB, shells and Python.
_OF_TOOLS: Final = (
    r"@[a-z][\w-]*@|%[A-Za-z]\w*%|#\{\w+\}#?|\[\[ ?[A-Za-z][\w.]* ?\]\]|<%[^%\n]*%>|\$\(\w+\)"
    r"|(?<![${])\{[A-Za-z]\w*\}(?!\})|__[A-Z]\w*?__"
)
_TO_FILL_IN: Final = re.compile(rf"<[A-Za-z][^<>\n]*>|{_YOURS}|\$\{{?\w+\}}?|{_BETWEEN_ATS}|{_OF_TOOLS}")
_URL_TO_FILL_IN: Final = re.compile(rf"<[A-Za-z][^<>\n]*>|{_YOURS}|\$\{{\w+\}}|{_BETWEEN_ATS}")  # paths may have a `$`
_WHOLLY_TO_FILL_IN: Final = re.compile(rf"<(?!{_MEANT}>)[A-Za-z][^<>\n]*>|{_YOURS}|\$\{{\w+\}}|{_BETWEEN_ATS}")


def to_fill_in(text: str, *, wholly: bool = False) -> str | None:
    """Return the part of a text that was left for somebody to fill in, None without one.

    Args:
        text: for example `docker.io/<YOUR_DOCKER_USERNAME>/train:1`.
        wholly: whether only texts count that are nothing else: in a description or a value, brackets may be meant.
    """
    found = _WHOLLY_TO_FILL_IN.fullmatch(text.strip()) if wholly else _TO_FILL_IN.search(text)
    return found.group() if found is not None else None


def to_fill_in_url(url: str) -> str | None:
    """Return the part of an artifact's URL that was left for somebody to fill in, None without one.

    Args:
        url: for example `ai://default/<data>`.
    """
    found = _URL_TO_FILL_IN.search(url)
    return found.group() if found is not None else None
