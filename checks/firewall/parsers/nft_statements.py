"""Statements of a rule in the nftables language, in the shape of its JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checks.firewall.parsers.nft_expressions import Expressions, StatementError
from checks.firewall.parsers.nft_lexer import ADDRESS, END, NEWLINE, NUMBER, STRING, WORD, Stream, Token
from checks.firewall.parsers.nft_model import OTHER, UNKNOWN

_COMPARISONS = {"==": "==", "!=": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!": "!",
                "eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">="}  # fmt: skip
_RESUME = frozenset({
    "accept", "drop", "reject", "return", "continue", "jump", "goto", "queue", "counter", "log", "comment", "dnat",
    "snat", "masquerade", "redirect", "notrack",
})  # fmt: skip
"""Words that start a statement again after one that was not understood."""
_BITMASKS = (("ct", "state"), ("ct", "status"), ("tcp", "flags"))


class Statements:
    """Reads statements from a stream of tokens."""

    def __init__(self, stream: Stream, expressions: Expressions) -> None:
        self._stream = stream
        self._expressions = expressions
        self._start = 0

    def statement(self) -> Any:
        """The next statement. Raises `StatementError`; something is then consumed all the same."""
        self._start = self._stream.consumed
        token = self._stream.peek()
        reader = _STATEMENTS.get(token.text) if token.kind == WORD else None
        if reader is not None:
            self._stream.next()
            return reader(self)
        if token.is_word("flow", "dup", "fwd"):
            raise StatementError(token.text, known=True)
        return self._match()

    def give_up(self, start: Token, error: StatementError) -> Any:
        """Skip a statement that cannot be read, up to one that can."""
        words = [start.text, *self._stream.since(self._start + 1)]
        depth = sum(word == "{" for word in words) - sum(word == "}" for word in words)
        while True:
            token = self._stream.peek()
            if token.kind == END or (depth <= 0 and (token.ends or (token.kind == WORD and token.text in _RESUME))):
                break
            self._stream.next()
            depth += token.is_sign("{") - token.is_sign("}")
            if token.kind != NEWLINE and len(words) < 60:  # noqa: PLR2004
                words.append(token.text)
        text = " ".join(words)
        known = error.known and "vmap" not in words
        if words[0] in ("flow", "dup"):
            return {"mangle": text}
        if known and words[0] in ("limit", "quota"):
            return {words[0]: text.partition(" ")[2]}
        if known and words[:2] == ["ct", "count"]:
            return {"ct count": " ".join(words[2:])}
        return {OTHER if known else UNKNOWN: text}

    # Matches

    def _match(self) -> Any:
        left = self._expressions.left()
        token = self._stream.peek()
        if token.is_word("vmap"):
            self._stream.next()
            data = self._expressions.value()
            return {"vmap": {"key": left, "data": data}}
        if token.is_word("set"):
            self._skip_value()
            return {"mangle": None}
        op = _COMPARISONS.get(token.text) if token.kind in ("sign", WORD) else None
        if op is not None:
            self._stream.next()
        right = self._expressions.right()
        if self._stream.peek().is_sign("/"):  # `flags WANTED / MASK`
            self._stream.next()
            left, op = {"&": [left, self._expressions.right()]}, op or "=="
        if op is None:
            plain = not (isinstance(right, dict) and ("set" in right or "range" in right)) and not _reference(right)
            op = "in" if plain and _kind(left) in _BITMASKS else "=="
        return {"match": {"op": op, "left": left, "right": right}}

    def _skip_value(self) -> None:
        """The value of `… set …`: it changes the packet or a mark, and decides nothing."""
        depth = 0
        while True:
            token = self._stream.peek()
            if token.kind == END or (depth == 0 and (token.ends or (token.kind == WORD and token.text in _RESUME))):
                return
            self._stream.next()
            depth += token.is_sign("{") - token.is_sign("}")

    # Other statements

    def accept(self) -> Any:
        """Final for this base chain."""
        return {"accept": None}

    def drop(self) -> Any:
        """Final."""
        return {"drop": None}

    def go_on(self) -> Any:
        """Nothing."""
        return {"continue": None}

    def leave(self) -> Any:
        """Back to the caller."""
        return {"return": None}

    def jump(self) -> Any:
        """Call."""
        return {"jump": {"target": self._target()}}

    def goto(self) -> Any:
        """Leave for a chain."""
        return {"goto": {"target": self._target()}}

    def _target(self) -> str:
        token = self._stream.next()
        if token.is_sign("$"):
            self._expressions.variable(token)
            token = self._stream.next()
        if token.kind not in (WORD, STRING):
            raise StatementError(token.text)
        return token.text

    def reject(self) -> Any:
        """A refusal, with its reply."""
        if self._stream.peek().is_word("with"):
            self._skip_words()
        return {"reject": None}

    def _skip_words(self) -> None:
        while self._stream.peek().kind in (WORD, NUMBER) and not self._stream.peek().is_word(*_RESUME):
            self._stream.next()

    def counter(self) -> Any:
        """Packets seen."""
        if self._stream.peek().is_word("name"):
            self._stream.next()
            return {"counter": self._stream.next().text}
        found: dict[str, Any] = {}
        while self._stream.peek().is_word("packets", "bytes"):
            word = self._stream.next().text
            value = self._stream.next()
            if value.kind != NUMBER or not (value.text.isascii() and value.text.isdigit() and len(value.text) < 21):  # noqa: PLR2004
                raise StatementError(value.text)
            found[word] = int(value.text)
        return {"counter": found or None}

    def log(self) -> Any:
        """A log line."""
        while self._stream.peek().is_word("prefix", "level", "flags", "group", "snaplen", "queue-threshold"):
            flags = self._stream.next().text == "flags"
            token = self._stream.next()
            if token.is_sign("$"):
                self._expressions.variable(token)
                self._stream.next()
            while flags and (self._stream.peek().is_sign(",") or self._stream.peek().is_word("sequence", "options")):
                if self._stream.next().text == ",":
                    self._stream.next()
        return {"log": None}

    def comment(self) -> Any:
        """A comment."""
        return {"comment": self._stream.next().text}

    def queue(self) -> Any:
        """A program decides."""
        words = []
        while not self._stream.peek().ends and not self._stream.peek().is_word("comment"):
            words.append(self._stream.next().text)
        return {"queue": " ".join(words)}

    def notrack(self) -> Any:
        """No connection tracking."""
        return {"notrack": None}

    def dnat(self) -> Any:
        """Destination translation."""
        return {"dnat": self._translation()}

    def snat(self) -> Any:
        """Source translation."""
        return {"snat": self._translation()}

    def masquerade(self) -> Any:
        """Source translation to the address of the interface."""
        return {"masquerade": self._translation()}

    def redirect(self) -> Any:
        """Destination translation to the machine."""
        return {"redirect": self._translation()}

    def _translation(self) -> Any:
        """Address and ports after `to`; a map leaves them unknown."""
        address = ports = ""
        brackets = after_colon = False
        while not self._stream.peek().ends and not self._stream.peek().is_word("comment", *_RESUME):
            token = self._stream.next()
            if token.is_sign("$"):
                self._expressions.variable(token)
            elif token.is_sign("{"):
                self._stream.put_back([token], token.line)
                self._expressions.braces()
                address = ports = ""
            elif token.is_sign("[", "]"):
                brackets = token.text == "["
            elif token.is_sign(":"):
                after_colon = True
            elif token.kind in (ADDRESS, NUMBER) or token.is_sign("-"):
                if after_colon and not brackets:
                    ports += token.text
                else:
                    address += token.text
            elif token.is_word("map") or token.is_sign("@"):
                address = ports = ""
        return {"addr": address, "port": ports}

    def update(self) -> Any:
        """`add @set { … }`: changes a set, and matches when it could."""
        if not self._stream.peek().is_sign("@"):
            raise StatementError("@ attendu")
        self._stream.next()
        name = self._stream.next().text
        words = []
        depth = 0
        while True:
            token = self._stream.peek()
            if token.kind == END or (depth == 0 and not token.is_sign("{")):
                raise StatementError("{ attendu")
            self._stream.next()
            depth += token.is_sign("{") - token.is_sign("}")
            words.append(token.text)
            if depth == 0:
                break
        limited = any(word in ("limit", "ct", "quota", "connlimit") for word in words)
        return {"set": {"set": f"@{name}", "stmt": " ".join(words) if limited else None}}

    def meter(self) -> Any:
        """A rate for each element."""
        raise StatementError("meter", known=True)


def _reference(right: Any) -> bool:
    return isinstance(right, str) and right.startswith("@")


def _kind(left: Any) -> tuple[str, str]:
    if isinstance(left, dict):
        if "payload" in left:
            return left["payload"]["protocol"], left["payload"]["field"]
        if "ct" in left:
            return "ct", left["ct"]["key"]
    return "", ""


_STATEMENTS: Mapping[str, Callable[[Statements], Any]] = {
    "accept": Statements.accept, "drop": Statements.drop, "continue": Statements.go_on,
    "return": Statements.leave, "jump": Statements.jump, "goto": Statements.goto, "reject": Statements.reject,
    "counter": Statements.counter, "log": Statements.log, "comment": Statements.comment,
    "queue": Statements.queue, "notrack": Statements.notrack, "dnat": Statements.dnat, "snat": Statements.snat,
    "masquerade": Statements.masquerade, "redirect": Statements.redirect, "add": Statements.update,
    "update": Statements.update, "delete": Statements.update, "meter": Statements.meter,
}  # fmt: skip
