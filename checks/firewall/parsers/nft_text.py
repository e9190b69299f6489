"""The nftables language: output of `nft list ruleset` and configuration files, to the shape of its JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from checks.firewall.parsers.nft_expressions import Expressions, StatementError
from checks.firewall.parsers.nft_lexer import END, HANDLE, NEWLINE, STRING, WORD, Stream, Token
from checks.firewall.parsers.nft_model import (
    FAMILIES,
    NftChain,
    NftRule,
    NftRuleset,
    NftSet,
    NftTable,
    Note,
    priority_of,
)
from checks.firewall.parsers.nft_statements import Statements
from checks.firewall.parsers.source import MAX_DEPTH, MAX_OBJECTS, ParseError, SourceFile

_OBJECTS = frozenset({"counter", "quota", "limit", "flowtable", "synproxy", "secmark", "ct", "meter", "tunnel"})
_MISSING = "des règles ou des définitions peuvent manquer"
MAX_INCLUDES = 200


@dataclass
class Context:
    """What the files of one ruleset share."""

    ruleset: NftRuleset
    included: Mapping[str, SourceFile]
    note: Callable[[str], Note]
    """Gives the function that keeps what is not understood in a file, by name."""
    variables: dict[str, list[Token]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    objects: int = 0
    includes: int = 0
    configuration: bool = False
    """The file loads rules: it is not a dump of those in force."""


def read(file: SourceFile, context: Context) -> None:
    """Add a file to a ruleset. Raises `ParseError` when it is cut off or is something else."""
    Reader(file, context).read()


class Reader:
    """Reads one file."""

    def __init__(self, file: SourceFile, context: Context) -> None:
        self._file = file
        self._context = context
        self._note = context.note(file.name)
        self._stream = Stream(file)
        self._expressions = Expressions(self._stream, context.variables)
        self._statements = Statements(self._stream, self._expressions)

    def read(self) -> None:
        """The whole file."""
        while True:
            self._stream.skip_newlines()
            if self._stream.peek().kind == END:
                return
            self._command()

    # Commands

    def _command(self) -> None:
        token = self._stream.next()
        ruleset = self._context.ruleset
        if token.is_word("table"):
            self._table(token)
        elif token.is_word("add", "create", "insert", "replace"):
            self._add(token)
        elif token.is_word("chain", "rule", "set", "map", "element"):
            self._stream.put_back([token], token.line)
            self._add(token)
        elif token.is_word("flush", "delete", "destroy"):
            self._remove(token)
        elif token.is_word("define", "redefine", "undefine"):
            self._define(token)
        elif token.is_word("include"):
            self._include(token)
        else:
            text = self._rest(token)
            self._note(token.line, text, _MISSING)
            ruleset.doubtful = ruleset.doubtful or f"commande non comprise ligne {token.line}"

    def _rest(self, *first: Token) -> str:
        """Skip to the end of the command; braces are balanced. The text skipped."""
        words = [token.text for token in first]
        depth = 0
        while True:
            token = self._stream.peek()
            if token.kind == END or (depth == 0 and token.ends):
                if depth:
                    raise self._cut(token)
                break
            self._stream.next()
            depth += token.is_sign("{") - token.is_sign("}")
            if len(words) < 60 and token.kind != NEWLINE:  # noqa: PLR2004
                words.append(token.text)
        if self._stream.peek().is_sign("}"):
            words.append(self._stream.next().text)
        return " ".join(words)

    def _cut(self, token: Token) -> ParseError:
        return ParseError("fin de fichier au milieu d'un bloc : fichier tronqué", self._file.name, token.line)

    def _name(self) -> str:
        token = self._stream.next()
        if token.kind in (END, NEWLINE) or token.is_sign("{", "}"):
            raise ParseError("nom attendu", self._file.name, token.line)
        return token.text

    def _family(self) -> str:
        if self._stream.peek().is_word(*FAMILIES) and not self._stream.peek(1).is_sign("{"):
            return self._stream.next().text
        return "ip"

    def _opening(self) -> bool:
        """Consume the opening brace, when there is one."""
        if self._stream.peek().is_sign("{"):
            self._stream.next()
            return True
        return False

    def _table(self, start: Token) -> None:
        family, name = self._family(), self._name()
        table = self._context.ruleset.table(family, name, start.line)
        if not self._opening():
            return
        while True:
            self._stream.skip_newlines()
            token = self._stream.next()
            if token.is_sign("}"):
                return
            if token.kind == END:
                raise self._cut(token)
            self._in_table(table, token)

    def _in_table(self, table: NftTable, token: Token) -> None:
        if token.is_word("chain"):
            self._chain(table, self._name(), token.line)
        elif token.is_word("set", "map"):
            self._set(table, self._name(), token)
        elif token.is_word("flags"):
            table.dormant = table.dormant or "dormant" in self._rest(token)
        elif token.is_word("include"):
            self._include(token)
        elif token.is_word("define"):
            self._define(token)
        elif token.is_word("comment") or (token.kind == WORD and token.text in _OBJECTS):
            self._rest(token)
        else:
            self._note(token.line, self._rest(token), f"table {table.family} {table.name} : {_MISSING}")
            self._context.ruleset.doubtful = self._context.ruleset.doubtful or f"directive ligne {token.line}"

    def _add(self, verb: Token) -> None:
        what = self._stream.next()
        if what.is_word("table"):
            self._table(what)
            return
        if not what.is_word("chain", "rule", "set", "map", "element"):
            self._rest(verb, what)  # counters, limits, flow tables: they do not decide by themselves
            if not (what.kind == WORD and what.text in _OBJECTS):
                self._note(verb.line, f"{verb.text} {what.text}", _MISSING)
            return
        family, name = self._family(), self._name()
        table = self._context.ruleset.table(family, name, verb.line)
        target = self._name()
        if what.text == "chain":
            self._chain(table, target, verb.line)
        elif what.text == "rule":
            self._added_rule(table, target, verb)
        elif what.text == "element":
            found = table.sets.setdefault(target, NftSet(target, verb.line))
            found.listed = True
            found.elements += self._elements(found)
        else:
            self._set(table, target, what)

    def _added_rule(self, table: NftTable, name: str, verb: Token) -> None:
        chain = table.chains.setdefault(name, NftChain(name, verb.line))
        placed = self._stream.peek().is_word("handle", "position", "index")
        if placed:
            self._stream.next()
            self._stream.next()
        rule = self._rule()
        if placed or verb.text == "replace":
            self._note(verb.line, f"{verb.text} rule … position", f"l'ordre de la chaîne {name} n'est pas certain")
            chain.doubtful = f"règle placée par numéro, ligne {verb.line}"
        if verb.text == "insert":
            chain.rules.insert(0, rule)
        else:
            chain.rules.append(rule)

    def _remove(self, verb: Token) -> None:
        """`flush ruleset` starts afresh; what is removed and not in the file was in force before it."""
        ruleset = self._context.ruleset
        self._context.configuration = True
        what = self._stream.next()
        if what.is_word("ruleset"):
            self._rest()
            ruleset.tables.clear()
        elif what.is_word("table"):
            family, name = self._family(), self._name()
            table = ruleset.tables.get((family, name))
            if table is not None and verb.text == "flush":
                for chain in table.chains.values():
                    chain.rules.clear()
            else:
                ruleset.tables.pop((family, name), None)
            self._rest()
        else:
            self._note(verb.line, self._rest(verb, what), _MISSING)
            ruleset.doubtful = ruleset.doubtful or f"commande {verb.text} ligne {verb.line}"

    def _define(self, verb: Token) -> None:
        name = self._name()
        if verb.text == "undefine":
            self._context.variables.pop(name, None)
            return
        if not self._stream.peek().is_sign("="):
            self._note(verb.line, self._rest(verb), _MISSING)
            return
        self._stream.next()
        found: list[Token] = []
        depth = 0
        while True:
            token = self._stream.peek()
            if token.kind == END and depth:
                raise self._cut(token)
            if depth == 0 and token.ends:
                break
            self._stream.next()
            if token.is_sign("$"):
                # Variables hold no variable: replacing one is a single step.
                found += self._context.variables.get(self._stream.next().text, [])
            elif token.kind != NEWLINE:
                found.append(token)
                depth += token.is_sign("{") - token.is_sign("}")
            self._bounded(len(found), token.line)
        self._context.variables[name] = found

    def _bounded(self, count: int, line: int) -> None:
        if count > MAX_OBJECTS:
            raise ParseError("trop de règles et d'objets", self._file.name, line)

    def _count(self, line: int, added: int = 1) -> None:
        self._context.objects += added
        self._bounded(self._context.objects, line)

    def _include(self, verb: Token) -> None:
        path = self._stream.next()
        name = path.text.rsplit("/", 1)[-1]
        context = self._context
        context.configuration = True
        context.includes += 1
        found = context.included.get(name)
        if found is None or name in context.open or len(context.open) >= MAX_DEPTH or context.includes > MAX_INCLUDES:
            self._note(verb.line, f'include "{path.text}"', "fichier inclus non fourni : " + _MISSING)
            context.ruleset.doubtful = context.ruleset.doubtful or f"fichier inclus non fourni : {name[:80]}"
            return
        context.open.append(name)
        try:
            read(found, context)
        finally:
            context.open.pop()

    # Chains

    def _chain(self, table: NftTable, name: str, line: int) -> None:
        self._count(line)
        chain = table.chains.setdefault(name, NftChain(name, line))
        if not self._opening():
            return
        if self._stream.peek().kind == HANDLE:
            chain.handle = int(self._stream.next().text)
        while True:
            self._stream.skip_newlines()
            token = self._stream.peek()
            if token.is_sign("}"):
                self._stream.next()
                return
            if token.kind == END:
                raise self._cut(token)
            self._in_chain(chain, token)

    def _in_chain(self, chain: NftChain, token: Token) -> None:
        following = self._stream.peek(1)
        if token.is_word("type") and following.is_word("filter", "nat", "route"):
            self._stream.next()
            self._hook(chain)
        elif token.is_word("policy") and following.kind == WORD:
            self._stream.next()
            chain.policy, chain.policy_line = self._stream.next().text, token.line
        elif (token.is_word("comment") and following.kind == STRING) or (
            token.is_word("flags", "devices", "device") and not following.is_sign("==")
        ):
            self._rest(self._stream.next())
        elif token.is_word("include"):
            self._include(self._stream.next())
        elif token.is_word("define"):
            self._define(self._stream.next())
        else:
            chain.rules.append(self._rule())

    def _hook(self, chain: NftChain) -> None:
        chain.kind = self._stream.next().text
        words: list[str] = []
        while not self._stream.peek().ends:
            token = self._stream.next()
            if token.is_sign("$"):
                self._in_hook(chain, token)
            else:
                words.append(token.text)
        if "hook" in words[:-1]:
            chain.hook = words[words.index("hook") + 1]
        found = priority_of(" ".join(words[words.index("priority") + 1 :])) if "priority" in words else None
        chain.priority_known = found is not None
        chain.priority = found or 0

    def _in_hook(self, chain: NftChain, sign: Token) -> None:
        """A variable in the line of the hook: a priority, devices."""
        try:
            self._expressions.variable(sign)
        except StatementError as error:
            self._note(sign.line, str(error), f"le point d'entrée de la chaîne {chain.name} n'est pas certain")
            chain.doubtful = f"variable inconnue ligne {sign.line}"

    def _rule(self) -> NftRule:
        start = self._stream.peek()
        self._count(start.line)
        rule = NftRule(start.line, [])
        while not self._stream.peek().ends:
            token = self._stream.peek()
            if token.is_word("comment"):
                self._stream.next()
                rule.comment = self._stream.next().text
                continue
            try:
                rule.expr.append(self._statements.statement())
            except StatementError as error:
                rule.expr.append(self._statements.give_up(token, error))
        if self._stream.peek().kind == HANDLE:
            rule.handle = int(self._stream.next().text)
        return rule

    # Sets

    def _set(self, table: NftTable, name: str, start: Token) -> None:
        self._count(start.line)
        found = table.sets.setdefault(name, NftSet(name, start.line))
        found.is_map = found.is_map or start.text == "map"
        if not self._opening():
            return
        while True:
            self._stream.skip_newlines()
            token = self._stream.next()
            if token.is_sign("}"):
                return
            if token.kind == END:
                raise self._cut(token)
            if token.is_word("elements"):
                if self._stream.peek().is_sign("="):
                    self._stream.next()
                found.listed = True
                found.elements += self._elements(found)
            elif token.is_word("flags"):
                found.flags |= frozenset(self._rest().replace(",", " ").split())
            elif token.is_word("type", "typeof"):
                found.types = tuple(" ".join(self._words()).split(" : ")[0].split(" . "))
            elif token.is_word("timeout"):
                found.flags |= {"timeout"}
                self._rest()
            else:  # gc-interval, size, policy, auto-merge, comment, counter
                self._rest()

    def _words(self) -> Sequence[str]:
        words = []
        while not self._stream.peek().ends:
            words.append(self._stream.next().text)
        return words

    def _elements(self, into: NftSet) -> list[Any]:
        line = self._stream.peek().line
        try:
            found = self._expressions.braces()
        except StatementError as error:
            if self._stream.peek().kind == END:
                raise self._cut(self._stream.peek()) from None
            self._note(
                line, f"elements de {into.name} : {error}", f"le contenu de l'ensemble {into.name} n'est pas connu"
            )
            into.updated = True
            self._rest()
            return []
        self._count(line, len(found))
        return found
