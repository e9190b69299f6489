"""Text of `netsh advfirewall firewall show rule name=all verbose`, in English or French.

The text may be preceded or followed by that of `netsh advfirewall show allprofiles`. Labels are compared without
accents or punctuation: a console writes them in another encoding than a file. The French labels and values were not
checked against a real French Windows; those that are not known here are reported.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from checks.firewall.facts import DENY, PERMIT
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.source import ParseError, SourceFile
from checks.firewall.parsers.windows_rules import (
    ALLOW,
    BLOCK,
    BYPASS,
    GPO,
    IN,
    LOCAL,
    OUT,
    WinProfile,
    WinRule,
    is_any,
    listed,
    unique,
)

START = re.compile(r"^([^\n:]{3,40}):[ \t\xa0]*(\S.*)\n-{40,}[ \t]*$", re.MULTILINE)
"""A title line and the line of dashes under it."""

LABELS = {
    "rulename": "name", "nomdelargle": "name", "nomdergle": "name", "nomrgle": "name",
    "enabled": "enabled", "activ": "enabled",
    "direction": "direction", "sens": "direction",
    "profiles": "profiles", "profils": "profiles",
    "grouping": "group", "regroupement": "group", "groupement": "group", "groupe": "group",
    "description": "description",
    "localip": "localip", "iplocale": "localip", "adresseiplocale": "localip",
    "remoteip": "remoteip", "ipdistante": "remoteip", "adresseipdistante": "remoteip",
    "protocol": "protocol", "protocole": "protocol",
    "localport": "localport", "portlocal": "localport",
    "remoteport": "remoteport", "portdistant": "remoteport",
    "edgetraversal": "edge", "traverselatrale": "edge", "traversedepriphrie": "edge", "traversedubord": "edge",
    "program": "program", "programme": "program",
    "service": "service",
    "interfacetypes": "interfacetypes", "typesdinterface": "interfacetypes", "typesdinterfaces": "interfacetypes",
    "interfaces": "interfaces",
    "security": "security", "scurit": "security",
    "rulesource": "source", "sourcedelargle": "source", "sourcedergle": "source",
    "action": "action",
    "remotecomputergroup": "computers", "rmtcomputergrp": "computers", "groupedordinateursdistants": "computers",
    "remoteusergroup": "users", "rmtusrgrp": "users", "groupedutilisateursdistants": "users",
    "deferralcondition": "edge",
}  # fmt: skip
"""Labels reduced to their unaccented letters."""
VALUES = {
    "direction": {"in": IN, "entrant": IN, "entrante": IN, "entre": IN, "out": OUT, "sortant": OUT, "sortante": OUT,
                  "sortie": OUT},
    "action": {"allow": ALLOW, "autoriser": ALLOW, "autorise": ALLOW, "block": BLOCK, "bloquer": BLOCK,
               "bloque": BLOCK, "bypass": BYPASS, "contourner": BYPASS, "ignorer": BYPASS},
    "enabled": {"yes": "1", "oui": "1", "no": "0", "non": "0"},
    "profiles": {"domain": "Domain", "domaine": "Domain", "private": "Private", "priv": "Private",
                 "public": "Public"},
}  # fmt: skip
CONDITIONS = {
    "program": "programme : {}",
    "service": "service : {}",
    "interfacetypes": "type d'interface : {}",
    "interfaces": "interface : {}",
    "security": "sécurité IPsec : {}",
    "computers": "ordinateurs distants : {}",
    "users": "utilisateurs distants : {}",
}
MAX_TITLE = 100
REQUIRED = ("enabled", "direction", "action")
STATES = {"on": True, "actif": True, "activ": True, "off": False, "inactif": False, "dsactiv": False}
_POLICY = re.compile(r"\b(BlockInboundAlways|BlockInbound|AllowInbound),(BlockOutbound|AllowOutbound)\b")


class _Field(NamedTuple):
    line: int
    label: str
    value: str


def key_of(text: str) -> str:
    """A label reduced to what every encoding keeps: its plain lower-case letters, accented ones left out."""
    plain = unicodedata.normalize("NFC", text)
    return "".join(char for char in plain.lower() if "a" <= char <= "z")


def recognise(file: SourceFile) -> bool:
    """A title line over dashes, followed by lines `label: value`."""
    found = START.search(file.head)
    return found is not None and file.head.count(":", found.end(), found.end() + 2000) >= 4  # noqa: PLR2004


def read(file: SourceFile, builder: DeviceBuilder) -> tuple[list[WinRule], dict[str, WinProfile]]:
    """Rules and profiles. Raises `ParseError` on a cut-off text and on another language."""
    lines = file.text.split("\n")
    first = START.search(file.text)
    if first is None:
        raise ParseError("aucune règle : exécuter netsh advfirewall firewall show rule name=all verbose", file.name)
    if LABELS.get(key_of(first[1])) != "name":
        raise ParseError(
            f"langue non prise en charge (« {first[1].strip()[:40]} ») : seuls l'anglais et le français sont lus ;"
            " utiliser l'export PowerShell décrit dans la documentation",
            file.name,
            file.text.count("\n", 0, first.start()) + 1,
        )
    rules: list[WinRule] = []
    refs: dict[str, int] = {}
    block: list[_Field] = []
    ended = False
    for number, text in enumerate(lines, 1):
        if not text:
            continue
        dashes = number < len(lines) and lines[number].startswith("-" * 40)
        label, separator, value = text.partition(":")
        if dashes and separator and LABELS.get(key_of(label)) == "name":
            rules += _finish(block, builder, refs, file)
            block = [_Field(number, "name", _repaired(value.strip(), label))]
            ended = False
        elif block and len(text) < 10 and key_of(text) == "ok":  # noqa: PLR2004
            rules += _finish(block, builder, refs, file)
            block, ended = [], True
        elif block and text.strip() and not text.startswith("-" * 40):
            _add(block, number, text)
    if block or not ended:
        raise ParseError("la fin « Ok. » manque : le texte est tronqué", file.name, len(lines))
    return rules, _profiles(lines)


def _repaired(value: str, label: str) -> str:
    """A name written by a console (code page 850) and read as Windows-1252, when the label shows that it was."""
    if "Š" not in label:
        return value
    return value.encode("cp1252", "replace").decode("cp850")


def _add(block: list[_Field], number: int, text: str) -> None:
    label, separator, value = text.partition(":")
    if separator and not text[:1].isspace():
        block.append(_Field(number, LABELS.get(key_of(label), f"?{label.strip()}"), value.strip()))
    else:
        block.append(_Field(number, "+", text.strip()))


def _finish(block: list[_Field], builder: DeviceBuilder, refs: dict[str, int], file: SourceFile) -> list[WinRule]:
    if not block:
        return []
    fields: dict[str, str] = {}
    conditions: list[str] = []
    icmp: list[str] = []
    last = ""
    for line, label, value in block:
        if label == "+":
            _continue(last, value, fields, icmp, line, builder, conditions)
            continue
        last = label
        if label.startswith("?"):
            effect = "cette règle peut ne pas s'appliquer comme elle est lue"
            builder.not_understood(line, f"{label[1:]}: {value}", effect)
            conditions.append(f"directive non comprise : {label[1:]}")
        fields[label] = value
    line = block[0].line
    for wanted in REQUIRED:
        if wanted not in fields:
            raise ParseError("règle incomplète : le texte est tronqué ou n'est pas celui de netsh", file.name, line)
    conditions += [
        text.format(fields[label]) for label, text in CONDITIONS.items() if not is_any(fields.get(label, ""))
    ]
    if "program" not in fields:
        conditions.append("programme absent de l'export : ajouter verbose à la commande")
    return [_rule(fields, line, tuple(icmp), conditions, builder, refs)]


def _continue(
    last: str,
    value: str,
    fields: dict[str, str],
    icmp: list[str],
    line: int,
    builder: DeviceBuilder,
    conditions: list[str],
) -> None:
    """A line without a label: ICMP types under the protocol, or the rest of a long text."""
    words = value.split()
    if last == "protocol" and len(words) == 2:  # noqa: PLR2004
        kind, code = words
        if key_of(kind) != "type":
            icmp.append(f"{kind}:*" if is_any(code) else f"{kind}:{code}")
    elif last in ("description", "group", "name"):
        fields[last] = f"{fields.get(last, '')} {value}".strip()
    elif last in ("localip", "remoteip", "localport", "remoteport"):
        fields[last] = f"{fields[last].rstrip(',')},{value}"
    else:
        builder.not_understood(line, value, "cette règle peut ne pas s'appliquer comme elle est lue")
        conditions.append("ligne non comprise")


def _rule(
    fields: dict[str, str],
    line: int,
    icmp: tuple[str, ...],
    conditions: list[str],
    builder: DeviceBuilder,
    refs: dict[str, int],
) -> WinRule:
    def value(label: str) -> str:
        text = fields[label]
        found = VALUES[label].get(key_of(text), "")
        if not found:
            builder.not_understood(line, f"{label}: {text}", "cette règle peut ne pas s'appliquer comme elle est lue")
        return found

    enabled = value("enabled")
    if not enabled:
        conditions.append(f"état non compris : {fields['enabled']}")
    profiles = []
    for part in listed(fields.get("profiles", "")):
        found = VALUES["profiles"].get(key_of(part))
        if found is None:
            conditions.append(f"profil non compris : {part}")
            builder.not_understood(line, f"profiles: {part}", "les profils de cette règle")
        else:
            profiles.append(found)
    source = key_of(fields.get("source", ""))
    return WinRule(
        ref=unique(refs, fields["name"]),
        line=line,
        name=fields["name"],
        direction=value("direction"),
        action=value("action"),
        enabled=enabled != "0",
        profiles=tuple(profiles),
        protocol=fields.get("protocol", ""),
        local_ports=listed(fields.get("localport", "")),
        remote_ports=listed(fields.get("remoteport", "")),
        icmp=icmp if not any(is_any(text.partition(":")[0]) for text in icmp) else (),
        local_addresses=listed(fields.get("localip", "")),
        remote_addresses=listed(fields.get("remoteip", "")),
        conditions=tuple(conditions),
        group=fields.get("group", ""),
        description=fields.get("description", ""),
        store=LOCAL if source in ("localsetting", "paramtrelocal") else GPO if "grouppolicy" in source else "",
    )


def _profiles(lines: list[str]) -> dict[str, WinProfile]:
    """Settings of `netsh advfirewall show allprofiles`, when they are in the text."""
    found: dict[str, WinProfile] = {}
    current = ""
    for number, text in enumerate(lines, 1):
        if text.rstrip().endswith(":") and "profil" in text[:MAX_TITLE].lower():
            key = key_of(text[:MAX_TITLE])
            current = next((VALUES["profiles"][word] for word in ("domain", "priv", "public") if word in key), "")
            if current:
                found[current] = WinProfile(line=number)
            continue
        if not current:
            continue
        words = text.split()
        policy = _POLICY.search(text)
        if policy is not None:
            found[current] = found[current]._replace(
                inbound=PERMIT if policy[1] == "AllowInbound" else DENY,
                outbound=PERMIT if policy[2] == "AllowOutbound" else DENY,
                allow_inbound_rules=policy[1] != "BlockInboundAlways",
            )
        elif len(words) == 2 and key_of(words[0]) in ("state", "tat"):  # noqa: PLR2004
            found[current] = found[current]._replace(enabled=STATES.get(key_of(words[1])))
    return {name: profile for name, profile in found.items() if profile.inbound}
