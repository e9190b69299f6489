"""Tokens of the nftables language, one at a time."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from checks.firewall.parsers.source import ParseError, SourceFile

END, NEWLINE, HANDLE, STRING = "end", "newline", "handle", "string"
WORD, NUMBER, ADDRESS, SIGN = "word", "number", "address", "sign"
MAX_TOKENS = 10_000_000
"""Tokens of one file once its variables are replaced."""
MAX_RECENT = 40

_TOKEN = re.compile(
    r"""
    (?P<skip>[ \t\f\v]+|\\[ \t]*\n)
  | (?P<comment>\#[^\n]*)
  | (?P<newline>[\n;])
  | (?P<string>"[^"\n]*"\*?)
  | (?P<address>[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*|\d{1,3}(?:\.\d{1,3}){3}(?![\w.]))
  | (?P<number>\d\w*)
  | (?P<word>[A-Za-z_](?:[\w\-]|\.(?=\w))*\*?)
  | (?P<sign>==|!=|<=|>=|<<|>>|[{}()\[\],:.\-/@$=<>&|^!*+])
  | (?P<other>.)
    """,
    re.VERBOSE,
)
_HANDLE = re.compile(r"#\s*handle (\d{1,18})\s*$")


class Token(NamedTuple):
    """One token and where it stands."""

    kind: str
    text: str
    line: int

    def is_sign(self, *signs: str) -> bool:
        """One of these marks (never a quoted text)."""
        return self.kind == SIGN and self.text in signs

    def is_word(self, *words: str) -> bool:
        """One of these words (never a quoted text)."""
        return self.kind == WORD and self.text in words

    @property
    def ends(self) -> bool:
        """A statement ends here."""
        return self.kind in (NEWLINE, END, HANDLE) or self.is_sign("}")


def tokens_of(file: SourceFile) -> Iterator[Token]:
    """Tokens of a file; comments are dropped, except the handles that `nft -a` writes. Raises `ParseError`."""
    line = 1
    for found in _TOKEN.finditer(file.text):
        kind, text = found.lastgroup or "", found[0]
        if kind == "comment":
            handle = _HANDLE.match(text)
            if handle:
                yield Token(HANDLE, handle[1], line)
        elif kind == "other":
            if text == '"':
                raise ParseError("guillemet jamais fermé : fichier tronqué ?", file.name, line)
            yield Token(SIGN, text, line)
        elif kind != "skip":
            yield Token(kind, text[1:].replace('"', "") if kind == STRING else text, line)
        if kind in ("skip", "newline"):
            line += text.count("\n")
    yield Token(END, "", line)


class Stream:
    """Tokens with a look ahead, and texts put back in front of them."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self._source = tokens_of(file)
        self._ahead: deque[Token] = deque()
        self.consumed = 0
        """How many tokens were read."""
        self._recent: deque[Token] = deque(maxlen=MAX_RECENT)
        self._last = Token(END, "", 1)

    def peek(self, offset: int = 0) -> Token:
        """A token that is not consumed yet."""
        while len(self._ahead) <= offset:
            token = next(self._source, None)
            if token is None:
                return self._ahead[-1] if self._ahead else self._last
            self._ahead.append(token)
        return self._ahead[offset]

    def next(self) -> Token:
        """The next token, consumed. The end repeats for ever."""
        token = self.peek()
        self.consumed += 1
        if self.consumed > MAX_TOKENS:
            raise ParseError("fichier trop long une fois ses variables remplacées", self.file.name, token.line)
        self._recent.append(token)
        self._last = token
        if token.kind != END and self._ahead:
            self._ahead.popleft()
        return token

    def since(self, consumed: int) -> list[str]:
        """Texts of the tokens read since `consumed` was that number; the oldest may be forgotten."""
        count = min(max(self.consumed - consumed, 0), len(self._recent))
        recent = list(self._recent)
        return [token.text for token in recent[len(recent) - count :] if token.kind != NEWLINE]

    def put_back(self, tokens: Sequence[Token], line: int) -> None:
        """Read these tokens next, as if they stood on this line."""
        self._ahead.extendleft(token._replace(line=line) for token in reversed(tokens))

    def skip_newlines(self) -> None:
        """Move to the next token that is not an end of statement."""
        while self.peek().kind in (NEWLINE, HANDLE):
            self.next()
