"""Stormshield SNS rules, whatever their written form, as the tokens of `CONFIG FILTER RULE`.

Reference: SNS CLI/SERVERD reference guide v4, CONFIG FILTER RULE UPDATE (names and values of the tokens).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

ACTIONS = frozenset({"pass", "block", "deleg", "reset", "log", "decrypt", "nat"})
TOKENS = frozenset({
    "state", "action", "loglevel", "noconnlog", "count", "rate", "synproxy", "settos", "qosid", "ackqosid",
    "qosfairness", "route", "inspection", "antivirus", "sandboxing", "antispam", "proxycache", "ftpfiltering",
    "urlfiltering", "mailfiltering", "sslfiltering", "fwservice", "webportalexcept", "inbound", "schedule",
    "securityinspection", "tos", "ipstate", "ipproto", "icmptype", "icmpcode", "proto", "srcuser", "srcusertype",
    "srcuserdomain", "srcusermethod", "srctarget", "srcportop", "srcport", "srcif", "srcgeo", "srciprep",
    "srchostrep", "srchostrepop", "via", "dsttarget", "dstportop", "dstport", "dstif", "dstgeo", "dstiprep",
    "dsthostrep", "dsthostrepop", "natsrctarget", "natsrclb", "natsrcarp", "natsrcportop", "natsrcport",
    "natsrcportlb", "natdsttarget", "natdstlb", "natdstarp", "natdstportop", "natdstport", "natdstportlb",
    "beforevpn", "enforceipsecforward", "enforceipsecreverse", "nohasync", "comment", "rulename",
})  # fmt: skip
CONTEXT = frozenset({"index", "type", "global", "position", "output", "useclone"})
"""Tokens of a command that place the rule and say nothing of what it matches."""
WITH_ARGUMENT = frozenset({
    "tos", "settos", "qosid", "ackqosid", "qosfairness", "route", "schedule", "ipproto", "proto", "inspection",
    "securityinspection", "rate", "noconnlog", "fwservice", "inbound", "rulename", "icmptype", "icmpcode",
})  # fmt: skip
FLAGS = frozenset({"log", "minor", "major", "count", "synproxy", "ipstate", "nohasync"})
PROFILES = ("antivirus", "sandboxing", "antispam", "proxycache", "ftpfiltering", "urlfiltering", "mailfiltering",
            "sslfiltering")  # fmt: skip
OPERATORS = {"eq": "eq", "ne": "ne", "gt": "gt", "lt": "lt", "=": "eq", "!=": "ne", ">": "gt", "<": "lt"}
_SIDE_WORDS = {"on": "if", "port": "port", "geo": "geo", "iprep": "iprep", "hostrep": "hostrep"}
_USER_WORDS = {"domain": "srcuserdomain", "method": "srcusermethod"}

_WORD = re.compile(r'[^\s"]*(?:"[^"]*"[^\s"]*)+|\S+')
_PREFIX = re.compile(r'(position|ruleid|usage|match|line|slot)=("[^"]*"|[^\s;:]*)[;:]?\s*')
_PAIR = re.compile(r'(?<!\w)(\w{1,40})=("(?:[^"\\]|\\.)*"|[^\s"]*)')
_QUOTE_OR_COMMENT = re.compile(r'"|(?:(?<=\s)|^)#')
_USER = re.compile(r'(?:(group|user)=)?("[^"]*"|[^@"]*)@(.+)')


class RawRule(NamedTuple):
    """One rule or one separator, as tokens."""

    tokens: dict[str, str]
    unknown: tuple[str, ...] = ()
    """Words this reader does not know: the rule may demand something more."""
    ref: str = ""
    position: int = 0
    hits: int | None = None
    line: int = 0
    file: int = 0
    section: str = ""
    text: str = ""


def pairs(text: str) -> dict[str, str]:
    """`key=value key="value"` as a table; keys in lower case."""
    return {found[1].lower(): unquote(found[2]) for found in _PAIR.finditer(text)}


def unquote(text: str) -> str:
    """A value without its double quotes."""
    return text[1:-1].replace('\\"', '"') if len(text) > 1 and text[0] == text[-1] == '"' else text


def number(text: str) -> int | None:
    """A small decimal number, else None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None  # noqa: PLR2004


def split_prefix(text: str) -> tuple[dict[str, str], str]:
    """`position=1; usage=0 match=0 ruleid=1:` of list outputs, and the rest."""
    found: dict[str, str] = {}
    at = 0
    while (one := _PREFIX.match(text, at)) is not None:
        found[one[1]] = unquote(one[2])
        at = one.end()
    return found, text[at:]


def split_comment(text: str) -> tuple[str, str]:
    """What stands before and after the first `#` that begins a word outside double quotes."""
    quoted = False
    for found in _QUOTE_OR_COMMENT.finditer(text):
        if found[0] == '"':
            quoted = not quoted
        elif not quoted:
            return text[: found.start()], text[found.end() :].strip()
    return text, ""


def read_line(text: str) -> RawRule | None:
    """One line of a filter list. None for an empty line or a line that is no rule.

    A separator comes back with the single token `separator`.
    """
    prefix, rest = split_prefix(text.strip())
    base = RawRule(
        tokens={},
        ref=prefix.get("ruleid", ""),
        position=number(prefix.get("position", "")) or 0,
        hits=number(prefix.get("match", "")),
        text=text.strip(),
    )
    if rest.startswith("separator"):
        return base._replace(tokens={"separator": pairs(rest).get("comment", "")})
    head, comment = split_comment(rest)
    words = _WORD.findall(head)
    if not words:
        return None
    reader = _Words(words)
    if not reader.rule():
        return None
    reader.tokens["comment"] = comment
    return base._replace(tokens=reader.tokens, unknown=tuple(reader.unknown))


class _Words:
    """Reads `[off] ACTION OPTIONS from TARGET … to TARGET … [-> from … to …]`."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._at = 0
        self.tokens: dict[str, str] = {}
        self.unknown: list[str] = []

    def _peek(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def _next(self) -> str:
        word = self._peek()
        self._at += 1
        return word

    def rule(self) -> bool:
        """False when the line does not begin as a rule, or has no `from` and no `to`."""
        self.tokens["state"] = "on"
        if self._peek() in ("off", "on"):
            self.tokens["state"] = self._next()
        if self._peek() not in ACTIONS or "from" not in self._words or "to" not in self._words:
            return False
        self.tokens["action"] = self._next()
        self._options()
        self._side("src", ("to", ""))
        self._side("dst", ("->", ""))
        if self._peek() == "->":
            self._next()
            self._translation()
        return True

    def _options(self) -> None:
        while (word := self._next()) not in ("from", ""):
            if word in FLAGS:
                self._flag(word)
            elif word in WITH_ARGUMENT and self._peek() != "from":
                self.tokens[word] = unquote(self._next())
            elif not self._profiles(word):
                self.unknown.append(word)

    def _flag(self, word: str) -> None:
        if word in ("log", "minor", "major"):
            self.tokens["loglevel"] = word
        else:
            self.tokens[word] = "on"

    def _profiles(self, word: str) -> bool:
        found = [part.partition(":") for part in word.split(",")]
        if not all(name in PROFILES for name, _, _ in found):
            return False
        self.tokens.update({name: value or "on" for name, _, value in found})
        return True

    def _side(self, side: str, ends: tuple[str, ...]) -> None:
        target = self._next()
        user = _USER.fullmatch(target) if side == "src" else None
        if user:
            self.tokens["srcuser"] = unquote(user[2]) or "any"
            self.tokens["srcusertype"] = user[1] or ""
            target = user[3]
        self.tokens[f"{side}target"] = unquote(target) or "any"
        while (word := self._peek()) not in ends:
            self._at += 1
            if word in _SIDE_WORDS:
                self._criterion(side, word)
            elif word in _USER_WORDS and side == "src":
                self.tokens[_USER_WORDS[word]] = unquote(self._next())
            elif word == "via":
                self.tokens["via"] = self._next()
            else:
                self.unknown.append(word)
        if side == "src":
            self._at += 1

    def _criterion(self, side: str, word: str) -> None:
        name = side + _SIDE_WORDS[word]
        if word in ("port", "hostrep") and self._peek() in OPERATORS:
            self.tokens[f"{name}op"] = OPERATORS[self._next()]
        value = unquote(self._next())
        if name in self.tokens:
            self.unknown.append(f"{word} {value}")
        self.tokens[name] = value

    def _translation(self) -> None:
        side = ""
        while word := self._next():
            if word in ("from", "to"):
                side = "natsrc" if word == "from" else "natdst"
                self.tokens[f"{side}target"] = unquote(self._next())
            elif word == "port" and side:
                self.tokens[f"{side}port"] = unquote(self._next())
            else:
                # How addresses are shared or announced changes nothing to what the rule matches.
                self.tokens.setdefault("natoption", word)


def from_pairs(text: str) -> RawRule:
    """A rule written as `state=on action=pass srctarget=…`, as commands take it."""
    found = pairs(text)
    tokens = {name: value for name, value in found.items() if name in TOKENS}
    unknown = tuple(f"{name}={value}" for name, value in found.items() if name not in TOKENS | CONTEXT and value)
    return RawRule(tokens=tokens, unknown=unknown, position=number(found.get("position", "")) or 0, text=text.strip())


def elements(text: str) -> Iterator[str]:
    """Objects of a cell: lists hold them with `|`, commands and tables with `,`."""
    return (part.strip() for part in re.split(r"[|,]", text) if part.strip())
