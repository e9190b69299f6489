"""Expressions of the nftables language, in the shape of its JSON."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence
from typing import Any

from checks.firewall.parsers.nft_lexer import ADDRESS, END, HANDLE, NEWLINE, NUMBER, STRING, WORD, Stream, Token
from checks.firewall.parsers.source import MAX_DEPTH

PAYLOADS = frozenset({
    "ip", "ip6", "tcp", "udp", "udplite", "sctp", "dccp", "th", "icmp", "icmpv6", "ah", "esp", "comp", "ether", "vlan",
    "arp", "igmp", "gre", "gretap", "vxlan", "geneve",
})  # fmt: skip
META = frozenset({
    "mark", "iif", "iifname", "iiftype", "iifgroup", "oif", "oifname", "oiftype", "oifgroup", "skuid", "skgid",
    "rtclassid", "ibrname", "obrname", "ibriport", "obriport", "pkttype", "cpu", "cgroup", "nftrace",
})  # fmt: skip
"""Keys that may stand without the word `meta`."""
NOT_EVALUATED = frozenset({
    "fib", "rt", "socket", "osf", "numgen", "jhash", "symhash", "exthdr", "frag", "hbh", "dst", "mh", "srh", "ipsec",
    "limit", "quota", "synproxy", "tproxy", "connlimit",
})  # fmt: skip
"""First words of what is known and not evaluated."""


class StatementError(ValueError):
    """A statement cannot be read; the rest of the rule may be."""

    def __init__(self, message: str, *, known: bool = False) -> None:
        super().__init__(message)
        self.known = known


class Expressions:
    """Reads expressions from a stream of tokens."""

    def __init__(self, stream: Stream, variables: Mapping[str, MutableSequence[Token]]) -> None:
        self._stream = stream
        self._variables = variables
        self._depth = 0

    def variable(self, sign: Token) -> None:
        """Put the content of a variable back in the stream, after its `$` was consumed."""
        name = self._stream.next()
        found = self._variables.get(name.text)
        if found is None:
            raise StatementError(f"variable inconnue : {name.text}")
        self._stream.put_back(found, sign.line)

    # Left side

    def left(self) -> Any:
        """What a rule looks at: a field, a concatenation of fields, a field under a mask."""
        found = [self._field()]
        while self._stream.peek().is_sign("."):
            self._stream.next()
            found.append(self._field())
        whole: Any = found[0] if len(found) == 1 else {"concat": found}
        while self._stream.peek().is_sign("&", "|", "^", "<<", ">>") or self._stream.peek().is_word("and", "or", "xor"):
            sign = self._stream.next().text
            whole = {{"and": "&", "or": "|", "xor": "^"}.get(sign, sign): [whole, self._range()]}
        return whole

    def _field(self) -> Any:
        token = self._stream.next()
        if token.kind == WORD:
            if token.text == "meta":
                return {"meta": {"key": self._word()}}
            if token.text == "ct":
                return self._connection()
            if token.text in PAYLOADS and self._stream.peek().is_word("option", "chunk"):
                return {f"{token.text} {self._word()}": {"name": self._option()}}
            if token.text in PAYLOADS:
                return {"payload": {"protocol": token.text, "field": self._word()}}
            if token.text in META:
                return {"meta": {"key": token.text}}
        raise StatementError(token.text, known=token.text in NOT_EVALUATED or token.is_sign("@"))

    def _option(self) -> str:
        words = []
        while self._stream.peek().kind in (WORD, NUMBER) and not self._stream.peek().is_word(
            "set", "exists", "missing"
        ):
            words.append(self._stream.next().text)
            if len(words) == 2:  # noqa: PLR2004 - its name and its field
                break
        return " ".join(words)

    def _connection(self) -> Any:
        key = self._word()
        if key in ("original", "reply"):
            words = [self._word()]
            if words[0] in ("ip", "ip6"):
                words.append(self._word())
            return {"ct": {"key": " ".join(words), "dir": key}}
        if key == "count":
            raise StatementError("ct count", known=True)
        return {"ct": {"key": key}}

    def _word(self) -> str:
        token = self._stream.next()
        if token.kind != WORD:
            raise StatementError(token.text)
        return token.text

    # Right side

    def right(self) -> Any:
        """A value, a set, or several values separated by commas."""
        first = self.value()
        if not self._stream.peek().is_sign(","):
            return first
        found = [first]
        while self._stream.peek().is_sign(","):
            self._stream.next()
            self._skip_newlines()
            found.append(self.value())
        return found

    def value(self) -> Any:
        """One value, or a concatenation."""
        found = [self._bits()]
        while self._stream.peek().is_sign("."):
            self._stream.next()
            self._skip_newlines()
            found.append(self._bits())
        return found[0] if len(found) == 1 else {"concat": found}

    def _bits(self) -> Any:
        found = self._range()
        while self._stream.peek().is_sign("|") or self._stream.peek().is_word("or"):
            self._stream.next()
            found = {"|": [found, self._range()]}
        return found

    def _range(self) -> Any:
        low = self._single()
        following, after = self._stream.peek(), self._stream.peek(1)
        if following.is_sign("/") and after.kind in (NUMBER, ADDRESS):
            self._stream.next()
            self._stream.next()
            return {"prefix": {"addr": low, "len": _number(after.text)}}
        if following.is_sign("-"):
            self._stream.next()
            return {"range": [low, self._single()]}
        return low

    def _single(self) -> Any:
        token = self._stream.next()
        if token.is_sign("$"):
            self.variable(token)
            return self._single()
        if token.is_sign("{"):
            self._stream.put_back([token], token.line)
            return {"set": self.braces()}
        if token.is_sign("("):
            return self._inside(")")
        if token.is_sign("@"):
            return "@" + self._stream.next().text
        if token.is_sign("*"):
            return "*"
        if token.kind == NUMBER:
            return _number(token.text)
        if token.kind in (ADDRESS, STRING, WORD):
            return token.text
        raise StatementError(token.text or "fin de fichier")

    def _inside(self, closing: str) -> Any:
        self._deeper()
        try:
            found = self._bits()
        finally:
            self._depth -= 1
        if not self._stream.next().is_sign(closing):
            raise StatementError(f"{closing} attendu")
        return found

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._depth -= 1
            raise StatementError("trop d'imbrications")

    def _skip_newlines(self) -> None:
        while self._stream.peek().kind in (NEWLINE, HANDLE):
            self._stream.next()

    # Sets

    def braces(self) -> list[Any]:
        """Elements between braces; pairs for a map. A set inside the set adds its elements."""
        token = self._stream.next()
        if token.is_sign("$"):
            self.variable(token)
            return self.braces()
        if not token.is_sign("{"):
            raise StatementError("{ attendu")
        self._deeper()
        try:
            return self._elements()
        finally:
            self._depth -= 1

    def _elements(self) -> list[Any]:
        found: list[Any] = []
        while True:
            self._skip_newlines()
            if self._stream.peek().is_sign("}"):
                self._stream.next()
                return found
            if self._stream.peek().kind == END:
                raise StatementError("} attendu")
            element = self._element()
            if isinstance(element, dict) and "set" in element:
                found += element["set"]
            else:
                found.append(element)
            self._skip_newlines()
            if self._stream.peek().is_sign(","):
                self._stream.next()
            elif not self._stream.peek().is_sign("}"):
                raise StatementError(self._stream.peek().text or "fin de fichier")

    def _element(self) -> Any:
        key = self.value()
        attributes: dict[str, Any] = {}
        self._skip_newlines()
        while self._stream.peek().kind in (WORD, NUMBER, STRING) or self._stream.peek().is_sign("/"):
            token = self._stream.next()
            if token.is_word("timeout", "expires"):
                attributes[token.text] = self._stream.next().text
        if attributes:
            key = {"elem": {"val": key, **attributes}}
        self._skip_newlines()
        if not self._stream.peek().is_sign(":"):
            return key
        self._stream.next()
        self._skip_newlines()
        return [key, self._data()]

    def _data(self) -> Any:
        token = self._stream.peek()
        if token.is_word("accept", "drop", "continue", "return"):
            self._stream.next()
            return {token.text: None}
        if token.is_word("jump", "goto"):
            self._stream.next()
            return {token.text: {"target": self._stream.next().text}}
        return self.value()


def _number(text: str) -> Any:
    """An integer when the text is one; the text otherwise (durations, addresses)."""
    try:
        return int(text, 0) if len(text) < 40 else text  # noqa: PLR2004
    except ValueError:
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text  # noqa: PLR2004
