"""Windows `netsh wlan show profiles`, alone or with `name=…` (and `key=clear`), in English or French.

The list gives names only. The detail says how a station joins a network, but not which authority nor which server
name it checks: that is in the XML export (`netsh wlan export profile`), so exposure to a false access point stays
unknown here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from checks.common.textfile import SourceFile
from checks.wifi.exports.clients import ClientProfile
from checks.wifi.exports.keys import NO_KEY, Keys
from checks.wifi.imported import Desk, Imported
from checks.wifi.scans.netsh_words import authentication, plain
from checks.wifi.security import Security

TITLE = "netsh wlan show profiles"

_LISTED = re.compile(
    r"\s+(?:All User Profile|Current User Profile|Group Policy Profile|Profil Tous les utilisateurs"
    r"|Profil de l.utilisateur actuel|Profil utilisateur actuel|Profil de strat.gie de groupe)\s*:\s?(.*)"
)
_BEGINS = re.compile(r"(?:Profile|Profil) (.{0,200}?) (?:on interface|sur l.interface) (.{0,100}?)\s*:\s*")
_FIELD = re.compile(r"\s+(\S[^:]{0,80}?)\s*:(.*)")
_NAMES = {
    "ssid name": "ssid",
    "nom du ssid": "ssid",
    "nom ssid": "ssid",
    "authentication": "authentication",
    "authentification": "authentication",
    "security key": "key",
    "cle de securite": "key",
    "key content": "content",
    "contenu de la cle": "content",
    "connection mode": "mode",
    "mode de connexion": "mode",
    "network broadcast": "broadcast",
    "diffusion reseau": "broadcast",
    "diffusion du reseau": "broadcast",
    "802.1x": "dot1x",
    "eap type": "eap",
    "type eap": "eap",
    "type d'eap": "eap",
}
_EAP = (("teap", "TEAP"), ("peap", "PEAP"), ("ttls", "TTLS"), ("smart card", "TLS"), ("carte a puce", "TLS"))
_ANYWHERE = ("even if this network is not broadcasting", "meme si ce reseau ne diffuse pas")
_QUOTES = '"«» \xa0“”'


class _Block(NamedTuple):
    line: int
    name: str
    fields: dict[str, str]
    authentications: list[str]


def recognise(file: SourceFile) -> bool:
    """A list of profiles, or the detail of one."""
    return any(_LISTED.fullmatch(line) or _BEGINS.fullmatch(line) for line in file.head.split("\n"))


def parse(file: SourceFile, keys: Keys) -> Imported:
    """Profiles of a station. Raises `ParseError` when there is none."""
    desk = Desk(file, "netsh")
    detailed = {name: block for block in _blocks(file) for name in [block.name]}
    for block in detailed.values():
        desk.client(_detailed(block, desk, keys))
    for number, line in enumerate(file.lines, 1):
        listed = _LISTED.fullmatch(line)
        name = listed[1].strip() if listed else ""
        if name and name not in detailed:
            desk.client(ClientProfile(ssid=name, file=desk.name, product=desk.product, line=number))
    found = desk.done()
    if not found.clients:
        raise desk.refuse("aucun profil dans cette sortie de netsh")
    desk.limit(
        "« netsh wlan show profiles » ne dit pas quelle autorité ni quel nom de serveur le poste vérifie : joindre "
        "l'export XML (« netsh wlan export profile »)."
    )
    return desk.done()


def _blocks(file: SourceFile) -> Iterator[_Block]:
    block: _Block | None = None
    for number, line in enumerate(file.lines, 1):
        if begins := _BEGINS.fullmatch(line):
            if block is not None:
                yield block
            block = _Block(number, begins[1], {}, [])
        elif block is not None and (field := _FIELD.fullmatch(line)):
            name = _NAMES.get(plain(field[1]).replace("’", "'"), "")
            value = field[2].strip()
            if name == "authentication":
                # A profile that accepts two generations lists the authentication twice, the preferred one first.
                block.authentications.append(value)
            elif name:
                block.fields.setdefault(name, value)
    if block is not None:
        yield block


def _detailed(block: _Block, desk: Desk, keys: Keys) -> ClientProfile:
    ssid = block.fields.get("ssid", "").strip(_QUOTES) or block.name
    security = _security(block, desk)
    key = keys.passphrase(block.fields.get("content", ""), ssid) if security.akms else NO_KEY
    eap = plain(block.fields.get("eap", ""))
    methods = tuple(name for word, name in _EAP if word in eap)[:1]
    if eap and not methods:
        desk.not_understood(
            block.line, f"type EAP {block.fields['eap'][:60]}", "la méthode d'authentification est inconnue"
        )
    mode, broadcast = plain(block.fields.get("mode", "")), plain(block.fields.get("broadcast", ""))
    present = plain(block.fields.get("key", ""))
    return ClientProfile(
        ssid=ssid,
        file=desk.name,
        product=desk.product,
        line=block.line,
        encryption=security.encryption,
        akms=security.akms,
        enterprise=security.enterprise,
        eap=methods,
        automatic=("auto" in mode) if mode else None,
        hidden=any(words in broadcast for words in _ANYWHERE) if broadcast else None,
        password_stored={"present": True, "presente": True, "absent": False, "absente": False}.get(present),
        psk_bits=key.bits,
        psk_length=key.length,
        psk_group=key.group,
    )


def _security(block: _Block, desk: Desk) -> Security:
    known = []
    for text in dict.fromkeys(block.authentications):
        found = authentication(text)
        if found is None:
            desk.not_understood(block.line, text, "la sécurité de ce profil est inconnue")
        else:
            known.append(found)
    if not known:
        return Security()
    if len({found.encryption for found in known}) == 1:
        return known[0]
    names = {found.encryption for found in known}
    return Security(
        akms=tuple(dict.fromkeys(akm for found in known for akm in found.akms)),
        encryption="-".join(name for name in ("open", "wep", "wpa", "wpa2", "wpa3", "owe") if name in names),
    )
