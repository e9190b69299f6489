r"""Rules as the registry keeps them (`v2.31|Action=Allow|Active=TRUE|Dir=In|…|`), grammar of [MS-GPFAS] 2.2.2.19.

Read from a `.reg` export, from `reg query`, or from bare lines. Local rules are under
`HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy`, those of group policies under
`HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall`.
"""

from __future__ import annotations

import re

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
    unique,
)

RULE = re.compile(r"\bv[12]\.\d{1,3}\|")
_REG_VALUE = re.compile(r'^"((?:[^"\\]|\\.)*)"="((?:[^"\\]|\\.)*)"\s*$')
_REG_NUMBER = re.compile(r'^"([^"]+)"=dword:([0-9a-fA-F]{8})\s*$')
_QUERY = re.compile(r"^\s+(\S+(?: \S+)*)\s{2,}REG_(SZ|DWORD)\s{2,}(\S.*)$")
_SECTIONS = re.compile(r"(?i)SharedAccess\\Parameters\\FirewallPolicy|Policies\\Microsoft\\WindowsFirewall")
PROFILE_KEYS = {"domainprofile": "Domain", "standardprofile": "Private", "privateprofile": "Private",
                "publicprofile": "Public"}  # fmt: skip
LISTS = {
    "LPort": "local_ports", "LPort2_10": "local_ports", "RPort": "remote_ports", "RPort2_10": "remote_ports",
    "LA4": "local_addresses", "LA6": "local_addresses", "RA4": "remote_addresses", "RA6": "remote_addresses",
    "RA42": "remote_addresses", "RA62": "remote_addresses", "ICMP4": "icmp", "ICMP6": "icmp",
}  # fmt: skip
CONDITIONS = {
    "App": "programme : {}", "Svc": "service : {}", "IF": "interface : {}", "IFType": "type d'interface : {}",
    "Platform": "version de Windows : {}", "Platform2": "version de Windows : {}",
    "RMauth": "ordinateurs distants : {}", "RMAuth": "ordinateurs distants : {}",
    "RUAuth": "utilisateurs distants : {}",
    "LUAuth": "utilisateurs de la machine : {}", "LUOwn": "propriétaire : {}",
    "AppPkgId": "application : {}", "PFN": "application : {}", "Security": "sécurité IPsec : {}",
    "Security2": "sécurité IPsec : {}", "Security2_9": "sécurité IPsec : {}", "TTK": "cible dynamique : {}",
    "TTK2_22": "cible dynamique : {}", "TTK2_27": "cible dynamique : {}", "TTK2_28": "cible dynamique : {}",
    "PolicyAppId": "étiquette d'application : {}",
}  # fmt: skip
INERT = {"Desc", "Edge", "Defer", "LSM", "LOM"}
ACTIONS = {"allow": ALLOW, "block": BLOCK, "bypass": BYPASS}


def recognise(file: SourceFile) -> bool:
    """A rule of that grammar, or a registry key that holds some."""
    head = file.head
    return ("|Action=" in head and RULE.search(head) is not None) or _SECTIONS.search(head) is not None


def read(file: SourceFile, builder: DeviceBuilder) -> tuple[list[WinRule], dict[str, WinProfile], list[str]]:
    """Rules, profiles and limits. Raises `ParseError` on a truncated line."""
    return _Walk(file, builder).read()


class _Walk:
    """Goes through the lines, section by section."""

    def __init__(self, file: SourceFile, builder: DeviceBuilder) -> None:
        self._file = file
        self._builder = builder
        self._section = ""
        self._rules: list[WinRule] = []
        self._refs: dict[str, int] = {}
        self._settings: dict[tuple[str, str], tuple[int, dict[str, int]]] = {}
        self._limits: list[str] = []
        self._current_set = "CurrentControlSet" in file.text

    def read(self) -> tuple[list[WinRule], dict[str, WinProfile], list[str]]:
        for number, text in enumerate(self._file.text.split("\n"), 1):
            line = text.strip()
            if line.startswith("[") or line.upper().startswith("HKEY_"):
                self._section = line.strip("[]").lower()
                continue
            if self._skipped():
                continue
            if RULE.search(line) is not None:
                self._add(text, number)
            else:
                self._setting(text, number)
            if len(self._rules) > MAX_OBJECTS:
                raise ParseError("trop de règles", self._file.name)
        if not self._rules:
            raise ParseError("aucune règle dans cet export du registre", self._file.name)
        return self._rules, self._profiles(), self._limits

    def _skipped(self) -> bool:
        """Copies and factory defaults are not what is applied."""
        if "sharedaccess\\defaults" in self._section:
            return True
        if "restrictedservices" in self._section:
            note = "Les restrictions de services propres à Windows ne sont pas lues."
            if note not in self._limits:
                self._limits.append(note)
            return True
        return self._current_set and "\\controlset0" in self._section

    @property
    def _store(self) -> str:
        if "policies\\microsoft\\windowsfirewall" in self._section:
            return GPO
        return LOCAL if "sharedaccess" in self._section else ""

    def _setting(self, text: str, number: int) -> None:
        profile = PROFILE_KEYS.get(self._section.rpartition("\\")[2])
        found = _REG_NUMBER.match(text.strip())
        query = _QUERY.match(text)
        if profile is None or not self._store:
            return
        if found is not None:
            name, value = found[1], int(found[2], 16)
        elif query is not None and query[2] == "DWORD" and re.fullmatch(r"0x[0-9a-fA-F]{1,8}", query[3].strip()):
            name, value = query[1], int(query[3].strip(), 16)
        else:
            return
        # A group policy for the standard profile of Windows XP also counts for the private one when alone.
        _, values = self._settings.setdefault((profile, self._store), (number, {}))
        values[name.lower()] = value

    def _profiles(self) -> dict[str, WinProfile]:
        """Settings of each profile: a group policy wins over the local value, Windows defaults complete them."""
        found = {}
        for profile in PROFILES:
            lines = [line for (name, _), (line, _) in self._settings.items() if name == profile]
            if not lines:
                continue
            local = self._settings.get((profile, LOCAL), (0, {}))[1]
            policy = self._settings.get((profile, GPO), (0, {}))[1]
            merged = {**local, **policy}
            merge = policy.get("allowlocalpolicymerge")
            found[profile] = WinProfile(
                line=min(lines),
                enabled=merged.get("enablefirewall", 1) != 0,
                inbound=PERMIT if merged.get("defaultinboundaction", 1) == 0 else DENY,
                outbound=DENY if merged.get("defaultoutboundaction", 0) == 1 else PERMIT,
                allow_local_rules=None if merge is None else merge != 0,
                allow_inbound_rules=merged.get("donotallowexceptions", 0) == 0,
            )
        return found

    def _add(self, text: str, number: int) -> None:
        name, data = self._cells(text, number)
        if not data.rstrip().endswith("|"):
            raise ParseError("règle coupée : le fichier est tronqué", self._file.name, number)
        values: dict[str, list[str]] = {}
        for field in data.strip().split("|")[1:]:
            key, separator, value = field.partition("=")
            if separator:
                values.setdefault(key, []).append(value)
            elif key:
                self._unknown(number, key, values)
        self._rules.append(self._rule(name, number, values))

    def _cells(self, text: str, number: int) -> tuple[str, str]:
        """Value name and data of a line, in any of the three forms."""
        stripped = text.strip()
        if stripped.startswith('"'):
            found = _REG_VALUE.match(stripped)
            if found is None:
                raise ParseError("valeur coupée : le fichier est tronqué", self._file.name, number)
            return _unescaped(found[1]), _unescaped(found[2])
        query = _QUERY.match(text)
        if query is not None:
            return query[1], query[3]
        start = RULE.search(text)
        at = start.start() if start is not None else 0
        return text[:at].strip(' \t=:"') or f"ligne {number}", text[at:]

    def _unknown(self, number: int, key: str, values: dict[str, list[str]]) -> None:
        values.setdefault("?", []).append(key)
        effect = "cette règle peut ne pas s'appliquer comme elle est lue"
        self._builder.not_understood(number, f"{key}={','.join(values.get(key, []))}", effect)

    def _rule(self, name: str, number: int, values: dict[str, list[str]]) -> WinRule:
        conditions: list[str] = []
        lists: dict[str, list[str]] = {}
        for key, found in list(values.items()):
            if key in LISTS:
                lists.setdefault(LISTS[key], []).extend(found)
            elif key in CONDITIONS:
                conditions += [CONDITIONS[key].format(text) for text in found if text not in ("", "NotRequired")]
            elif key not in INERT | {"Action", "Active", "Dir", "Protocol", "Profile", "Name", "EmbedCtxt", "?"}:
                self._unknown(number, key, values)
        conditions += [f"directive non comprise : {key}" for key in values.get("?", ())]
        profiles = [text.capitalize() for text in values.get("Profile", ())]
        conditions += [f"profil non compris : {text}" for text in profiles if text not in PROFILES]

        def one(key: str, default: str = "") -> str:
            return values.get(key, [default])[-1]

        return WinRule(
            ref=unique(self._refs, name),
            line=number,
            name=one("Name") or name,
            direction={"in": IN, "out": OUT}.get(one("Dir").lower(), ""),
            action=ACTIONS.get(one("Action").lower(), ""),
            enabled=one("Active", "TRUE").upper() != "FALSE",
            profiles=tuple(text for text in profiles if text in PROFILES),
            protocol=one("Protocol"),
            local_ports=tuple(lists.get("local_ports", ())),
            remote_ports=tuple(lists.get("remote_ports", ())),
            icmp=tuple(lists.get("icmp", ())),
            local_addresses=tuple(lists.get("local_addresses", ())),
            remote_addresses=tuple(lists.get("remote_addresses", ())),
            conditions=tuple(conditions),
            group=one("EmbedCtxt"),
            description=one("Desc"),
            store=self._store,
        )


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
