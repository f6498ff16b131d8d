"""The values of names that mean secrets, wherever a text has them: JSON, Python, YAML, forms, headers, command lines.

Only what looks like a value is found. Python expressions, types, placeholders and sentences stay, because they say
where a value comes from and not what it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pytest_aicore.secret_names import is_secret_name, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# No pattern may take more than linear time, whatever the text: nothing without bound before what a match needs.
_QUOTE = r"""\\{0,63}(?:\"{3}|'{3}|["'])"""
"""A quotation mark, in a string that may stand in strings that are escaped five times over."""
_COLOUR = r"(?:\x1b\[[0-9;]{0,20}m){0,4}"
"""What colours a word in a terminal."""
_STRING = re.compile(rf"(?P<prefix>[bBrRuUfF]{{0,2}})(?P<mark>{_QUOTE})")
_NAME = re.compile(
    r"(?:\x1b\[[0-9;]{0,20}m|(?<![\w.$\\-])|(?<=\\[nrt]))(?P<name>[\w.$-]+)"
    rf"{_COLOUR}(?P<quote>{_QUOTE})?\]?{_COLOUR}"
    r"(?:"
    r"(?P<equals>[ \t]{0,80}(?::[ \t]?[\w.\[\]| ]{1,60}?[ \t])?=(?!=)[ \t]*)"
    rf"|(?P<colon>[ \t]*:(?![:=])(?:\s*(?=[bBrRuU]?{_QUOTE}|[\[{{(])|[ \t]*))"
    rf"|(?P<comma>(?(quote)\s*,\s*(?=[bBrRuU]?{_QUOTE})|(?!)))"
    rf"){_COLOUR}"
)
"""A name, the quotation mark after it, and what separates it from its value."""
_OPTION = re.compile(r"(?<![\w-])(?P<name>--[\w-]+)[ \t]+(?P<value>(?![-=])[^\s\"']+)")
_FILE = re.compile(
    r"(?:(?:~?|\.{1,2}|[A-Za-z]:)[\\/][\w.~\\/-]{0,300}|[\w.-][\w.\\/-]{0,300}\.[a-z]{2,5}|FILE)[:.,]?(?=\s|\Z)"
)
"""A path, as options such as `--aicore-service-key` take it."""
_LIST = re.compile(rf"[\[({{]\s*(?=[bBrRuU]?{_QUOTE})")
_NEXT = re.compile(rf"\s*,\s*(?=[bBrRuU]?{_QUOTE})")
_COLON = re.compile(r"\s*:")
_BARE = re.compile(r"(?:[^\s&\"';\\\x1b]|;(?!\s|[\w-]+=|\Z)|\\(?![nrt\"'\\])){1,300}")
_AFTER_BARE = "),.:;]}>|*"
"""What ends a sentence or a call, and no value."""
_REST_OF_LINE = re.compile(r"[^\r\n\"'\\\x1b]+")
_PLACEHOLDER = re.compile(r"\{\{.*\}\}|\$\{.*\}|\$\(.*\)|\$\w+|\{\w*\}|%(?:\(\w+\))?s|<[^<>]*>|\*+|\.\.\.", re.DOTALL)
"""What stands for a value: an Argo parameter, a variable, `<your-token>`."""
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
"""A name of Python, or several with dots between them."""
_WORD = re.compile(r"(?:[A-Z]+|[A-Z]?[a-z]+(?:[A-Z][a-z]+)*)?[0-9]{0,2}")
_LITERALS = {
    "str", "bytes", "int", "bool", "float", "object", "dict", "list", "tuple", "set", "string", "any", "none", "null",
    "true", "false",
}  # fmt: skip
"""Types and constants: what stands where a value may stand, in lower case."""
_SCHEMES = {"basic", "bearer", "digest", "token", "negotiate", "apikey", "aws4-hmac-sha256"}
_STATES = {
    "required", "optional", "missing", "expired", "revoked", "invalid", "valid", "malformed", "accepted", "rejected",
    "enabled", "disabled", "present", "absent", "empty", "unset", "hidden", "redacted", "failed", "ok", "none", "null",
    "default", "unknown",
}  # fmt: skip
"""What messages say of a secret."""
_NUMBER = re.compile(r"[+-]?[0-9.]*")
_SAME_OBJECT = r"(?:(?!\n\s{0,80}-)[^{}]){0,300}?"
"""Between two members of an object in JSON, or of an item in YAML."""
_VALUE = re.compile(rf"{_SAME_OBJECT}(?<![\w.-])value(?:{_QUOTE})?[ \t]*[=:][ \t]*")
_LABEL = re.compile(
    rf"(?:{_QUOTE})?\s*,{_SAME_OBJECT}(?<![\w.-])(?:key|name)(?:{_QUOTE})?\s*[=:]\s*(?:{_QUOTE})?(?P<label>[\w.-]{{1,200}})"
)
_LABELS = ("key", "name")


class _Value(NamedTuple):
    """Where a value stands.

    Args:
        start: of what is in it.
        end: of what is in it.
        mark: the quotation mark around it, empty for a bare one.
        is_formatted: whether it is an f-string.
    """

    start: int
    end: int
    mark: str = ""
    is_formatted: bool = False


def hide_named_values(text: str, hidden: str) -> str:
    """Return the text without the values of names that mean secrets.

    Args:
        text: any.
        hidden: what stands where a value was.
    """
    pieces: list[str] = []
    done = 0
    for start, end in _spans(text):
        pieces += (text[done:start], hidden)
        done = end
    text = "".join((*pieces, text[done:]))
    return _OPTION.sub(lambda option: _without_value(option, hidden), text) if "--" in text else text


def named_values(text: str) -> list[str]:
    """Return the values of names that mean secrets, in the order in which a text has them.

    Args:
        text: any.
    """
    return [text[start:end] for start, end in _spans(text)]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Return where the values are; no two of them have a part in common."""
    done = place = 0
    while found := _NAME.search(text, place):
        place = found.end()
        for start, end in _secrets(text, found):
            if start >= done:
                yield start, end
                place = done = end


def _without_value(option: re.Match[str], hidden: str) -> str:
    """Return `--password ***`, or the match unchanged if its value is not a secret."""
    name, value = option["name"], option["value"]
    if not is_secret_name(name) or _is_plain(value) or _PLACEHOLDER.fullmatch(value) or _names_file(name, value, 0):
        return option[0]
    return option[0][: option.start("value") - option.start()] + hidden


def _names_file(option: str, text: str, at: int) -> bool:
    """Tell whether an option is one that takes the path of a service key, and is given a path."""
    return option.startswith("--") and words_of(option)[-2:] == ("service", "key") and bool(_FILE.match(text, at))


def _secrets(text: str, found: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Return where the secrets of a name are."""
    name = found["name"].lower()
    at = found.end()
    if is_secret_name(found["name"]):
        if not _names_file(found["name"], text, at):
            yield from _values(text, at, found, found["name"])
    elif name in _LABELS and found["comma"] is None:
        label = _string(text, at) or _bare(text, at)
        if label is not None and is_secret_name(text[label.start : label.end]):
            member = _VALUE.match(text, label.end)
            if member is not None:
                yield from _values(text, member.end(), None, text[label.start : label.end])
    elif name == "value" and found["comma"] is None:
        value = _string(text, at)
        label_after = _LABEL.match(text, value.end) if value else None
        if label_after is not None and is_secret_name(label_after["label"]):
            yield from _values(text, at, None, label_after["label"])


def _values(text: str, at: int, found: re.Match[str] | None, name: str) -> Iterator[tuple[int, int]]:
    """Return where the values are that begin at a place.

    Args:
        text: the whole one.
        at: where the value begins.
        found: the name and what separates it from the value; None for `value` of a pair.
        name: what the value is of.
    """
    value = _string(text, at)
    if value is not None:
        if found is not None and found["quote"] is None and _is_end_of_string(text, value):
            return
        if _is_secret_string(text, value, name, is_in_list=bool(found and found["comma"])):
            yield value.start, value.end
        return
    opening = _LIST.match(text, at)
    if opening is not None:
        yield from _strings(text, opening.end())
        return
    if found is not None and found["colon"] is not None and words_of(name)[-1] in ("authorization", "cookie"):
        yield from _header(text, at, is_cookie=words_of(name)[-1] == "cookie")
        return
    value = _bare(text, at)
    if value is not None and not _is_expression(text, value, found, name):
        end = value.end
        while longer := _BARE.match(text, end):
            end = longer.end()
        yield value.start, value.end + len(text[value.end : end].rstrip(_AFTER_BARE))


def _string(text: str, at: int) -> _Value | None:
    opening = _STRING.match(text, at)
    if opening is None:
        return None
    mark, start = opening["mark"], opening.end()
    closing = re.compile(rf"(?<!\\){re.escape(mark)}").search(text, start)
    end = closing.start() if closing else len(text)
    return _Value(start, end, mark, "f" in opening["prefix"].lower())


def _strings(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Return where the strings of a list are that are secrets; a mapping's names stand for themselves."""
    while value := _string(text, at):
        end = value.end + len(value.mark)
        if _COLON.match(text, end):
            return
        if not _is_placeholder(text, value):
            yield value.start, value.end
        following = _NEXT.match(text, end)
        if following is None:
            return
        at = following.end()


def _is_end_of_string(text: str, value: _Value) -> bool:
    """Tell whether a quotation mark ends a string rather than begins one: `print("password:", password)`."""
    return value.start >= len(text) or text[value.start] in "),;:]}+% \t\r\n"


def _is_secret_string(text: str, value: _Value, name: str, *, is_in_list: bool) -> bool:
    content = text[value.start : value.end]
    if _is_placeholder(text, value):
        return False
    if is_in_list:  # next to other strings, which may be names as well
        return not all(letter.isalpha() or letter in "_. -" for letter in content)
    return words_of(name) != ("auth",) or _is_random(content)


def _is_placeholder(text: str, value: _Value) -> bool:
    content = text[value.start : value.end].strip()
    if content.lower() in _SCHEMES and text[value.start : value.end] != content:
        return True  # `"Bearer " + token`
    return not content or bool(_PLACEHOLDER.fullmatch(content)) or (value.is_formatted and "{" in content)


def _header(text: str, at: int, *, is_cookie: bool) -> Iterator[tuple[int, int]]:
    """Return where the secret in the rest of a header's line is."""
    line = _REST_OF_LINE.match(text, at)
    if line is None:
        return
    start, end = line.start(), line.start() + len(line[0].rstrip(" ,)]}"))
    words = text[start:end].split()
    if is_cookie:
        if "=" in text[start:end]:
            yield start, end
        return
    if len(words) > 1 and words[0].lower() in _SCHEMES:
        yield text.index(words[1], start + len(words[0])), end
    elif words and not _PLACEHOLDER.fullmatch(words[0]) and not _is_said(words):
        yield start, end


def _is_said(words: list[str]) -> bool:
    """Tell whether words say something of a secret, rather than are one."""
    return all(map(_is_plain, words)) if len(words) > 1 else words[0].lower() in _STATES


def _bare(text: str, at: int) -> _Value | None:
    found = _BARE.match(text, at)
    if found is None:
        return None
    return _Value(found.start(), found.start() + len(found[0].rstrip(_AFTER_BARE) or found[0]))


def _is_expression(text: str, value: _Value, found: re.Match[str] | None, name: str) -> bool:
    """Tell whether what stands after a name is code, a type, a placeholder or a sentence."""
    content, following = text[value.start : value.end], text[value.end : value.end + 1]
    if found is not None and found["equals"] is not None:
        before = text[found.start() - 1 : found.start()] if found.start() else ""
        if before in ("?", "&") or following == "&":
            return bool(_PLACEHOLDER.fullmatch(content))  # a form or a query has no code
    if content[0] in "<{[($%@*`" or content.startswith(("...", "http://", "https://")):
        return True
    if _NUMBER.fullmatch(content):
        return len(content) < 4 or "." in content or words_of(name)[-1] == "token"
    path = _PATH.match(content)
    if path is None:
        return False
    rest = content[path.end() :]
    if rest[:1] in ("(", "["):
        return True  # a call, or a part of something
    if following in ("(", "[") and not rest:
        return True
    if following in ("'", '"') and not rest and found is not None and len(content) < 3:
        return True  # what stands before a string
    if rest[:1] in (",", ")", "|", ":", "}", "]"):
        return _is_plain(path[0])
    if rest or not _is_plain(path[0]):
        return False
    if (
        content.lower() in _LITERALS | _STATES
        or set(words_of(content)) & set(words_of(name))
        or following in tuple(",)]}:|")
    ):
        return True
    if found is None or found["equals"] is None:
        # `password: swordfish` of YAML is a line of its own; in code and sentences more stands around it.
        is_line = text[value.end : value.end + 1] in ("", "\n", "\r") and _begins_line(text, found)
        return not is_line or content[0].isupper()
    return found["equals"] != "="


def _begins_line(text: str, found: re.Match[str] | None) -> bool:
    if found is None:
        return True
    begin = found.start("name")
    before = text[max(0, begin - 80) : begin].rpartition("\n")[2]
    return not before.strip(" \t-\"'")


def _is_plain(text: str) -> bool:
    """Tell whether a text is made of words, as names in code are, and no password."""
    return len(text) < 60 and all(_WORD.fullmatch(word) for word in re.split(r"[_.-]", text.strip(",.:;!?")))


def _is_random(text: str) -> bool:
    return len(text) >= 12 and " " not in text and not _is_plain(text)
