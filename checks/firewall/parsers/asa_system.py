"""Interfaces, administrators, users and VPNs of a Cisco ASA."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from checks.common.text import clean
from checks.firewall.facts import Administrator, Interface, User, Vpn
from checks.firewall.parsers.asa_blocks import Block, Line
from checks.firewall.parsers.asa_config import Config, Manage, Zone

_NAME = 200
_CIPHERS = {
    "des": "des", "3des": "3des", "aes": "aes128", "aes-128": "aes128", "aes-192": "aes192", "aes-256": "aes256",
    "aes-gcm": "aes128gcm", "aes-gcm-128": "aes128gcm", "aes-gcm-192": "aes192gcm", "aes-gcm-256": "aes256gcm",
    "aes-gmac": "null", "aes-gmac-128": "null", "aes-gmac-192": "null", "aes-gmac-256": "null", "null": "null",
}  # fmt: skip
_HASHES = {
    "md5": "md5", "sha": "sha1", "sha-1": "sha1", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512",
    "sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512",
}  # fmt: skip
_ESP = {
    "esp-des": "des", "esp-3des": "3des", "esp-aes": "aes128", "esp-aes-192": "aes192", "esp-aes-256": "aes256",
    "esp-null": "null",
}  # fmt: skip
_ESP_HASH = {"esp-md5-hmac": "md5", "esp-sha-hmac": "sha1"}


def interfaces(config: Config) -> tuple[Interface, ...]:
    """Every named interface."""
    entries: dict[str, list[Manage]] = {}
    for entry in config.manage:
        if entry.service != "http" or config.http_enabled:
            entries.setdefault(entry.interface, []).append(entry)
    icmp: dict[str, list[Line]] = {}
    for line in config.icmp:
        icmp.setdefault(line.words[-1], []).append(line)
    return tuple(_interface(zone, entries.get(zone.name, []), icmp.get(zone.name, [])) for zone in config.zones)


def _interface(zone: Zone, entries: list[Manage], lines: list[Line]) -> Interface:
    services = dict.fromkeys("https" if entry.service == "http" else entry.service for entry in entries)
    if not lines or any(line.words[1] == "permit" for line in lines):
        services["ping"] = None
    sessions = [entry for entry in entries if entry.service != "snmp"]
    return Interface(
        name=clean(zone.name, _NAME),
        title=clean(zone.title, _NAME),
        line=zone.line,
        members=(clean(zone.port, _NAME),),
        networks=zone.networks,
        role="wan" if zone.level == 0 and zone.default_route else "lan" if zone.level == 100 else "",  # noqa: PLR2004
        default_route=zone.default_route,
        management=tuple(services),
        management_restricted=all(entry.restricted for entry in sessions) if sessions else None,
        enabled=zone.enabled,
    )


def accounts(config: Config) -> tuple[tuple[Administrator, ...], tuple[User, ...]]:
    """Local accounts: those that may administer, and those kept for VPN."""
    remote: set[str] = set()
    heads: dict[str, Line] = {}
    privileged: set[str] = set()
    for block in config.users:
        words = block.head.words
        if len(words) < 2:  # noqa: PLR2004
            continue
        name = words[1]
        if "privilege" in words and words[words.index("privilege") + 1 :][:1] == ("15",):
            privileged.add(name)
        if any(line.words[:2] == ("service-type", "remote-access") for line in block.body):
            remote.add(name)
        heads.setdefault(name, block.head)
    sessions = [entry for entry in config.manage if entry.service in ("ssh", "telnet", "http")]
    restricted = all(entry.restricted for entry in sessions) if sessions else None
    administrators = tuple(
        Administrator(name=clean(name, _NAME), line=head.number, full_rights=name in privileged, restricted=restricted)
        for name, head in heads.items()
        if name not in remote
    )
    users = tuple(User(name=clean(name, _NAME), line=heads[name].number) for name in heads if name in remote)
    return administrators, users


class _Offer(NamedTuple):
    """Algorithms of IKE policies or IPsec proposals."""

    encryption: tuple[str, ...] = ()
    integrity: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    authentication: str = ""


def _join(offers: Iterable[_Offer]) -> _Offer:
    found = list(offers)
    return _Offer(
        encryption=tuple(dict.fromkeys(one for offer in found for one in offer.encryption)),
        integrity=tuple(dict.fromkeys(one for offer in found for one in offer.integrity)),
        groups=tuple(dict.fromkeys(one for offer in found for one in offer.groups)),
        authentication=next((offer.authentication for offer in found if offer.authentication), ""),
    )


def _group(word: str) -> tuple[int, ...]:
    digits = word.removeprefix("group")
    return (int(digits),) if digits.isdecimal() and len(digits) <= 3 else ()  # noqa: PLR2004


class _Crypto:
    """The `crypto` commands, sorted."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._ike: dict[int, list[_Offer]] = {1: [], 2: []}
        self._proposals: dict[tuple[int, str], _Offer] = {}
        self._entries: dict[tuple[str, str], list[Line]] = {}
        self._dynamic: dict[str, list[Line]] = {}
        self._ends: dict[str, str] = {}
        self._aggressive: bool | None = None
        for block in config.crypto:
            self._sort(block)

    def _sort(self, block: Block) -> None:
        words = block.head.words
        if words[0] == "isakmp":
            words = ("crypto", *words)
        if words[1:3] in (("ikev1", "policy"), ("isakmp", "policy")):
            lines = [line.words for line in block.body] or [words[4:]]
            self._ike[1].append(_policy(lines))
        elif words[1:3] == ("ikev2", "policy"):
            self._ike[2].append(_policy([line.words for line in block.body]))
        elif words[1:3] in (("ikev1", "am-disable"), ("isakmp", "am-disable")):
            self._aggressive = False
        elif words[1] == "ipsec" if len(words) > 1 else False:
            self._proposal(words, block.body)
        elif words[1:2] == ("map",) and len(words) > 4:  # noqa: PLR2004
            if words[3] == "interface":
                self._ends[words[2]] = words[4]
            else:
                self._entries.setdefault((words[2], words[3]), []).append(block.head)
        elif words[1:2] == ("dynamic-map",) and len(words) > 4:  # noqa: PLR2004
            self._dynamic.setdefault(words[2], []).append(block.head)

    def _proposal(self, words: tuple[str, ...], body: tuple[Line, ...]) -> None:
        rest = words[2:]
        if rest[:1] == ("ikev1",):
            rest = rest[1:]
        if rest[:1] == ("transform-set",) and len(rest) > 2 and rest[2].startswith("esp-"):  # noqa: PLR2004
            offer = _Offer(
                tuple(_ESP[word] for word in rest[2:] if word in _ESP),
                tuple(_ESP_HASH[word] for word in rest[2:] if word in _ESP_HASH),
            )
            self._proposals[1, rest[1]] = offer
        elif rest[:2] == ("ikev2", "ipsec-proposal") and len(rest) > 2:  # noqa: PLR2004
            lines = [line.words[2:] for line in body if line.words[:2] == ("protocol", "esp")]
            self._proposals[2, rest[2]] = _policy(lines)

    def vpns(self) -> Iterator[Vpn]:
        """Tunnels between sites and IPsec remote access, one per entry of an applied map."""
        for (name, number), lines in self._entries.items():
            if name not in self._ends:
                continue
            remote = any("dynamic" in line.words for line in lines)
            settings = list(lines)
            for line in lines:
                if "dynamic" in line.words:
                    settings += self._dynamic.get(line.words[-1], ())
            yield self._tunnel(f"{name} {number}", lines[0].number, settings, remote=remote)

    def _tunnel(self, name: str, line: int, settings: list[Line], *, remote: bool) -> Vpn:
        peers: list[str] = []
        offers: list[_Offer] = []
        versions: set[int] = set()
        pfs = False
        groups: tuple[int, ...] = ()
        for setting in settings:
            words = setting.words[4:]
            if words[:2] == ("set", "peer"):
                peers += words[2:]
            elif words[:2] == ("set", "pfs"):
                pfs = True
                groups = _group(words[2]) if len(words) > 2 else ()  # noqa: PLR2004
            elif words[:1] == ("set",) and "transform-set" in words[1:3]:
                versions.add(1)
                offers += [self._proposals.get((1, word), _Offer()) for word in words]
            elif words[:3] == ("set", "ikev2", "ipsec-proposal"):
                versions.add(2)
                offers += [self._proposals.get((2, word), _Offer()) for word in words[3:]]
        ike = _join(offer for version in versions for offer in self._ike[version])
        found = _join((*offers, ike))
        return Vpn(
            kind="ipsec",
            name=clean(" ".join((name, *peers)), _NAME),
            line=line,
            remote_access=remote,
            ike_versions=tuple(sorted(versions)),
            encryption=found.encryption,
            integrity=found.integrity,
            dh_groups=tuple(dict.fromkeys((*groups, *found.groups))),
            pfs=pfs,
            aggressive=self._aggressive if 1 in versions else None,
            authentication=ike.authentication,
        )


def _policy(lines: list[tuple[str, ...]]) -> _Offer:
    encryption: list[str] = []
    integrity: list[str] = []
    groups: list[int] = []
    authentication = ""
    for words in lines:
        if not words:
            continue
        values = words[1:]
        if words[0] == "encryption":
            encryption += [_CIPHERS.get(word, clean(word, 40).lower()) for word in values]
        elif words[0] in ("hash", "integrity"):
            integrity += [_HASHES.get(word, clean(word, 40).lower()) for word in values if word != "null"]
        elif words[0] == "group":
            groups += [number for word in values for number in _group(word)]
        elif words[0] == "authentication" and values:
            authentication = {"pre-share": "psk", "rsa-sig": "certificate", "crack": "password"}.get(values[0], "")
    return _Offer(tuple(encryption), tuple(integrity), tuple(groups), authentication)


def vpns(config: Config) -> tuple[Vpn, ...]:
    """Every VPN service."""
    return (*_Crypto(config).vpns(), *_portals(config))


def _portals(config: Config) -> Iterator[Vpn]:
    second = False
    certificate = False
    for block in config.tunnel_groups:
        for line in block.body:
            if line.words[0] == "secondary-authentication-server-group":
                second = True
            elif line.words[0] == "authentication" and {"aaa", "certificate"} <= set(line.words):
                certificate = True
    for block in config.webvpn:
        for line in block.body:
            if line.words[0] == "enable" and len(line.words) > 1:
                yield Vpn(
                    kind="ssl",
                    name=clean(f"webvpn {line.words[1]}", _NAME),
                    line=line.number,
                    remote_access=True,
                    # A second factor given by an external server (RADIUS, SAML) does not show here.
                    mfa=True if second or certificate else None,
                    tls_minimum=clean(config.tls, 40),
                )
