"""JSON and CSV that PowerShell makes of `Get-NetFirewallRule` and its filters (see `windows` for the command)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from checks.firewall.facts import DENY, PERMIT
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.source import MAX_OBJECTS, ParseError, SourceFile
from checks.firewall.parsers.windows_rules import (
    ALLOW,
    BLOCK,
    BYPASS,
    GPO,
    IN,
    LOCAL,
    OUT,
    PROFILES,
    WinProfile,
    WinRule,
    is_any,
    unique,
)

FILTER_KEYS = ("protocol", "localport", "remoteport", "localaddress", "remoteaddress", "program")
CONDITIONS = {
    "program": "programme : {}",
    "package": "application : {}",
    "packagefamilyname": "application : {}",
    "service": "service : {}",
    "interfacealias": "interface : {}",
    "interfacetype": "type d'interface : {}",
    "authentication": "authentification IPsec : {}",
    "encryption": "chiffrement IPsec : {}",
    "localuser": "utilisateurs de la machine : {}",
    "remoteuser": "utilisateurs distants : {}",
    "remotemachine": "ordinateurs distants : {}",
    "owner": "propriétaire : {}",
    "policyappid": "étiquette d'application : {}",
    "platform": "version de Windows : {}",
    "platforms": "version de Windows : {}",
    "dynamictarget": "cible dynamique : {}",
    "dynamictransport": "cible dynamique : {}",
}
READ = {
    "name", "id", "instanceid", "displayname", "enabled", "direction", "action", "profile", "profiles", "group",
    "displaygroup", "description", "protocol", "localport", "remoteport", "icmptype", "localaddress", "remoteaddress",
    "localip", "remoteip", "policystoresource", "policystoresourcetype", "overrideblockrules",
    "remotedynamickeywordaddresses",
}  # fmt: skip
INERT = {
    "edgetraversalpolicy", "loosesourcemapping", "localonlymapping", "lsm", "primarystatus", "status", "statuscode",
    "enforcementstatus", "caption", "elementname", "commonname", "policykeywords", "policydecisionstrategy",
    "policyroles", "conditionlisttype", "creationclassname", "executionstrategy", "mandatory", "policyrulename",
    "priority", "ruleusage", "sequencedactions", "systemcreationclassname", "systemname", "rulegroup",
    "pscomputername", "cimclass", "ciminstanceproperties", "cimsystemproperties", "policystore", "runspaceid",
    "psshowcomputername",
}  # fmt: skip
FILTERS = {"portfilter", "addressfilter", "applicationfilter", "servicefilter", "interfacefilter",
           "interfacetypefilter", "securityfilter"}  # fmt: skip
ENABLED = {"true": True, "1": True, "yes": True, "false": False, "2": False, "0": False, "no": False}
DIRECTIONS = {"inbound": IN, "1": IN, "in": IN, "outbound": OUT, "2": OUT, "out": OUT}
ACTIONS = {"allow": ALLOW, "2": ALLOW, "block": BLOCK, "4": BLOCK, "allowbypass": BYPASS, "bypass": BYPASS, "3": BYPASS}
DEFAULTS = {"allow": PERMIT, "2": PERMIT, "block": DENY, "4": DENY}
"""`NotConfigured` is not there: the default of Windows then applies."""
STORES = {"local": LOCAL, "1": LOCAL, "grouppolicy": GPO, "2": GPO}
MARK = '"ausculte/windows-firewall"'


def recognise_json(file: SourceFile) -> bool:
    """JSON that names what only this firewall has."""
    head = file.head.lstrip()
    if head[:1] not in ("[", "{"):
        return False
    return MARK in head or ("DisplayName" in head and ("PolicyStoreSource" in head or "EdgeTraversalPolicy" in head))


def recognise_csv(file: SourceFile) -> bool:
    """A header with the columns of the rules."""
    for line in file.head.split("\n", 3)[:2]:
        columns = {column.strip('" ').lower() for column in line.replace(";", ",").split(",")}
        if {"displayname", "direction", "action", "profile"} <= columns:
            return True
    return False


class Export:
    """What a JSON or CSV export holds."""

    def __init__(self) -> None:
        self.rules: list[WinRule] = []
        self.profiles: dict[str, WinProfile] = {}
        self.computer = ""
        self.version = ""
        self.without_filters = 0


def read_json(file: SourceFile, builder: DeviceBuilder) -> Export:
    """Raises `ParseError` on malformed or truncated JSON."""
    found = Export()
    refs: dict[str, int] = {}
    try:
        for line, key, value in _items(file.text):
            if key == "rules":
                _add_rule(found, value, line, builder, refs)
            elif key == "profiles":
                _add_profile(found, value, line)
            elif key == "computer" and isinstance(value, str):
                found.computer = value
            elif key == "version" and isinstance(value, str):
                found.version = value
            elif key not in ("format", "computer", "version", "created"):
                builder.not_understood(line, str(key), "aucun sur les règles lues")
            if len(found.rules) > MAX_OBJECTS:
                raise ParseError("trop de règles", file.name)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ParseError):
            raise
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        raise ParseError("JSON incomplet ou mal formé : l'export est peut-être tronqué", file.name, line) from None
    if not found.rules:
        raise ParseError("aucune règle dans cet export", file.name)
    return found


def _items(text: str) -> Iterator[tuple[int, str, Any]]:
    """Line, key and value of each element: those of `rules` and `profiles` one by one, or of a bare list of rules."""
    decoder = json.JSONDecoder()
    reader = _Reader(text, decoder)
    if reader.peek() == "[":
        for line, value in reader.elements():
            yield line, "rules", value
    else:
        reader.expect("{")
        while reader.peek() != "}":
            key = reader.value()
            reader.expect(":")
            name = str(key).lower()
            if name in ("rules", "profiles") and reader.peek() == "[":
                for line, value in reader.elements():
                    yield line, name, value
            elif name in ("rules", "profiles"):
                line = reader.line
                yield line, name, reader.value()
            else:
                yield reader.line, name, reader.value()
            if reader.peek() == ",":
                reader.expect(",")
            elif reader.peek() != "}":
                reader.fail()
        reader.expect("}")
    if reader.peek():
        reader.fail()


class _Reader:
    """Walks the top of a JSON document and keeps the line of each element."""

    def __init__(self, text: str, decoder: json.JSONDecoder) -> None:
        self._text = text
        self._decoder = decoder
        self._at = 0
        self._counted = 0
        self._line = 1

    @property
    def line(self) -> int:
        """Line of the next character that is not blank."""
        self.peek()
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while self._at < len(self._text) and self._text[self._at] in " \t\r\n\ufeff":
            self._at += 1
        return self._text[self._at : self._at + 1]

    def expect(self, char: str) -> None:
        if self.peek() != char:
            self.fail()
        self._at += 1

    def fail(self) -> None:
        raise json.JSONDecodeError("unexpected", self._text, min(self._at, len(self._text)))

    def value(self) -> Any:
        self.peek()
        value, self._at = self._decoder.raw_decode(self._text, self._at)
        return value

    def elements(self) -> Iterator[tuple[int, Any]]:
        self.expect("[")
        while self.peek() != "]":
            line = self.line
            yield line, self.value()
            if self.peek() == ",":
                self.expect(",")
            elif self.peek() != "]":
                self.fail()
        self.expect("]")


def read_csv(file: SourceFile, builder: DeviceBuilder) -> Export:
    """Raises `ParseError` on a truncated file."""
    found = Export()
    refs: dict[str, int] = {}
    text = file.text
    offset = 0
    if text.startswith("#TYPE"):
        text = text.partition("\n")[2]
        offset = 1
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if header.count(";") > header.count(",") else ",", strict=True)
    try:
        columns = next(reader, [])
        line = reader.line_num + 1 + offset
        for row in reader:
            if row and len(row) != len(columns):
                raise ParseError("ligne incomplète : le fichier est tronqué", file.name, line)
            if row:
                _add_rule(found, dict(zip(columns, row, strict=True)), line, builder, refs)
            line = reader.line_num + 1 + offset
            if len(found.rules) > MAX_OBJECTS:
                raise ParseError("trop de règles", file.name)
    except csv.Error:
        raise ParseError("CSV mal formé ou tronqué", file.name, reader.line_num + offset) from None
    if not found.rules:
        raise ParseError("aucune règle dans cet export", file.name)
    return found


def _flat(item: Mapping[str, Any]) -> dict[str, Any]:
    """Keys in lower case, filters that are nested objects brought up."""
    flat: dict[str, Any] = {}
    for key, value in item.items():
        name = str(key).lower()
        if name in FILTERS and isinstance(value, dict):
            flat.update({str(inner).lower(): one for inner, one in value.items() if str(inner).lower() not in INERT})
        else:
            flat[name] = value
    return flat


def _text(value: Any) -> str:
    """A cell as text: lists joined by commas, objects PowerShell wraps (`{"value": …}`) opened."""
    if isinstance(value, dict):
        lowered = {str(key).lower(): one for key, one in value.items()}
        return _text(lowered.get("value", ""))
    if isinstance(value, list):
        return ",".join(_text(one) for one in value[:10_000])
    if value is None:
        return ""
    return str(value).strip()


def _values(item: Mapping[str, Any], key: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in _text(item.get(key)).split(",") if part.strip())
    return () if any(is_any(part) for part in parts) else parts


def _add_rule(found: Export, value: Any, line: int, builder: DeviceBuilder, refs: dict[str, int]) -> None:
    if not isinstance(value, dict):
        builder.not_understood(line, _text(value), "une règle qui n'est pas un objet n'est pas lue")
        return
    item = _flat(value)
    conditions = _conditions(item, line, builder)
    if not any(key in item for key in FILTER_KEYS):
        found.without_filters += 1
        conditions.append("adresses, ports et programme absents de l'export")
    action = ACTIONS.get(_text(item.get("action")).lower(), "")
    if action == ALLOW and _text(item.get("overrideblockrules")).lower() in ("true", "1"):
        action = BYPASS
    enabled = ENABLED.get(_text(item.get("enabled")).lower())
    if enabled is None:
        conditions.append(f"état non compris : {_text(item.get('enabled'))}")
    name = _text(item.get("displayname")) or _text(item.get("name"))
    remote = _values(item, "remoteaddress") or _values(item, "remoteip")
    keywords = _values(item, "remotedynamickeywordaddresses")
    found.rules.append(
        WinRule(
            ref=unique(refs, _text(item.get("name")) or _text(item.get("instanceid")) or name or f"règle ligne {line}"),
            line=line,
            name=name,
            direction=DIRECTIONS.get(_text(item.get("direction")).lower(), ""),
            action=action,
            enabled=enabled is not False,
            profiles=_profiles(_text(item.get("profile") if "profile" in item else item.get("profiles")), conditions),
            protocol=_text(item.get("protocol")),
            local_ports=_values(item, "localport"),
            remote_ports=_values(item, "remoteport"),
            icmp=_values(item, "icmptype"),
            local_addresses=_values(item, "localaddress") or _values(item, "localip"),
            remote_addresses=(*remote, *(f"dynamique {word}" for word in keywords)),
            conditions=tuple(conditions),
            group=_text(item.get("displaygroup")) or _text(item.get("group")),
            description=_text(item.get("description")),
            store=STORES.get(_text(item.get("policystoresourcetype")).lower(), ""),
        )
    )


def _conditions(item: Mapping[str, Any], line: int, builder: DeviceBuilder) -> list[str]:
    found = []
    for key, value in item.items():
        text = _text(value)
        if key in CONDITIONS:
            if not is_any(text) and text not in ("0", "{}"):
                found.append(CONDITIONS[key].format(text))
        elif key not in READ and key not in INERT:
            found.append(f"directive non comprise : {key}")
            effect = "cette règle peut ne pas s'appliquer comme elle est lue"
            builder.not_understood(line, f"{key} {text}", effect)
    if "System.Object[]" in (_text(item.get(key)) for key in (*READ, *CONDITIONS)):
        found.append("valeurs multiples perdues par l'export (System.Object[])")
    return found


def _profiles(text: str, conditions: list[str]) -> tuple[str, ...]:
    """`Any`, `Domain, Private`, or the number PowerShell writes: 1 domain, 2 private, 4 public."""
    if text.isdecimal() and len(text) <= 10:  # noqa: PLR2004
        bits = int(text)
        if bits == 0 or bits & 7 == 7 or bits >= 2**31 - 1:  # noqa: PLR2004
            return ()
        return tuple(profile for index, profile in enumerate(PROFILES) if bits >> index & 1)
    found = []
    for part in text.split(","):
        name = part.strip().capitalize()
        if is_any(name) or name == "All":
            return ()
        if name in PROFILES:
            found.append(name)
        else:
            conditions.append(f"profil non compris : {part.strip()}")
    return tuple(found)


def _add_profile(found: Export, value: Any, line: int) -> None:
    if not isinstance(value, dict):
        return
    item = _flat(value)
    name = _text(item.get("name")).capitalize()
    if name not in PROFILES:
        return

    def flag(key: str) -> bool | None:
        text = _text(item.get(key)).lower()
        return {"true": True, "1": True, "false": False, "0": False}.get(text)

    enabled = _text(item.get("enabled")).lower()
    found.profiles[name] = WinProfile(
        line=line,
        enabled={"true": True, "1": True, "false": False, "0": False, "2": True, "notconfigured": True}.get(enabled),
        inbound=DEFAULTS.get(_text(item.get("defaultinboundaction")).lower(), DENY),
        outbound=DEFAULTS.get(_text(item.get("defaultoutboundaction")).lower(), PERMIT),
        allow_local_rules=flag("allowlocalfirewallrules"),
        allow_inbound_rules=flag("allowinboundrules"),
    )
