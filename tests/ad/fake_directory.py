"""A small directory behind a fake controller: answers rootDSE, searches by base and scope, and one bind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checks.ad.facts import Ace
from checks.ad.parsers.security_descriptor import parse_sid
from checks.ad.transport import ber
from tests.ad import wire

DOMAIN = "DC=tilleuls,DC=test"
CONFIGURATION = f"CN=Configuration,{DOMAIN}"
SCHEMA = f"CN=Schema,{CONFIGURATION}"
SYSTEM = f"CN=System,{DOMAIN}"
DOMAIN_ZONES = f"DC=DomainDnsZones,{DOMAIN}"
SID = "S-1-5-21-1000-2000-3000"
ADMINS = f"{SID}-512"
HELPDESK = f"{SID}-1200"

Values = Mapping[str, Sequence[bytes]]

DESCRIPTOR = wire.build_descriptor(ADMINS, [Ace(type=0, flags=0, mask=0xF01FF, trustee=ADMINS)])
RIGHTS = wire.build_descriptor(ADMINS, [Ace(type=0, flags=0, mask=0x40000, trustee=HELPDESK)], 0x9004)


def classes(*names: str) -> list[bytes]:
    return [b"top", *(name.encode() for name in names)]


def account(rid: int, name: str, *, uac: int = 512, descriptor: bytes = DESCRIPTOR, **more: bytes) -> Values:
    return {
        "objectClass": classes("person", "organizationalPerson", "user"),
        "objectSid": [parse_sid(f"{SID}-{rid}")],
        "sAMAccountName": [name.encode()],
        "userAccountControl": [str(uac).encode()],
        "primaryGroupID": [b"513"],
        "pwdLastSet": [b"132223104000000000"],
        "logonCount": [b"0"],
        "nTSecurityDescriptor": [descriptor],
    } | {key: [value] for key, value in more.items()}


def group(sid: str, name: str, *members: str, descriptor: bytes = DESCRIPTOR) -> Values:
    return {
        "objectClass": classes("group"),
        "objectSid": [parse_sid(sid)],
        "sAMAccountName": [name.encode()],
        "member": [member.encode() for member in members],
        "nTSecurityDescriptor": [descriptor],
    }


ROOT: Values = {
    "defaultNamingContext": [DOMAIN.encode()],
    "configurationNamingContext": [CONFIGURATION.encode()],
    "schemaNamingContext": [SCHEMA.encode()],
    "namingContexts": [name.encode() for name in (DOMAIN, CONFIGURATION, SCHEMA, DOMAIN_ZONES)],
    "currentTime": [b"20261122063000.0Z"],
    "tokenGroups": [parse_sid(f"{SID}-1100"), parse_sid(f"{SID}-513")],
}

PLAIN: Values = {"objectClass": classes("container"), "nTSecurityDescriptor": [DESCRIPTOR]}


def small_directory() -> dict[str, Values]:
    """A healthy directory of a few objects, by distinguished name."""
    return {
        "": ROOT,
        DOMAIN: {
            "objectClass": classes("domain", "domainDNS"),
            "objectSid": [parse_sid(SID)],
            "msDS-Behavior-Version": [b"7"],
            "minPwdLength": [b"12"],
            "pwdProperties": [b"1"],
            "maxPwdAge": [b"-36288000000000"],
            "lockoutDuration": [b"-18000000000"],
            "gPLink": [f"[LDAP://CN={{A}},CN=Policies,{SYSTEM};0]".encode()],
            "wellKnownObjects": [f"B:32:A9D1CA15768811D1ADED00C04FD8D5CD:CN=Users,{DOMAIN}".encode()],
            "nTSecurityDescriptor": [RIGHTS],
        },
        SYSTEM: PLAIN,
        f"CN=AdminSDHolder,{SYSTEM}": PLAIN,
        f"CN=Users,{DOMAIN}": PLAIN,
        f"CN=Administrateur,CN=Users,{DOMAIN}": account(500, "Administrateur", adminCount=b"1"),
        f"CN=krbtgt,CN=Users,{DOMAIN}": account(502, "krbtgt", uac=514),
        f"CN=Zoé,CN=Users,{DOMAIN}": account(1100, "zoe", description=b"mdp : Tilleuls1"),
        f"CN=Support,CN=Users,{DOMAIN}": group(HELPDESK, "Support", f"CN=Zoé,CN=Users,{DOMAIN}"),
        f"CN=Admins du domaine,CN=Users,{DOMAIN}": group(
            ADMINS, "Admins du domaine", f"CN=Administrateur,CN=Users,{DOMAIN}"
        ),
        f"CN=Policies,{SYSTEM}": PLAIN,
        f"CN={{A}},CN=Policies,{SYSTEM}": {
            "objectClass": classes("container", "groupPolicyContainer"),
            "displayName": ["Stratégie par défaut".encode()],
            "nTSecurityDescriptor": [DESCRIPTOR],
        },
        f"CN=BCKUPKEY_P Secret,{SYSTEM}": {},
        f"CN=Password Settings Container,{SYSTEM}": {},
        CONFIGURATION: PLAIN,
        SCHEMA: {**PLAIN, "objectVersion": [b"88"]},
        f"CN=Partitions,{CONFIGURATION}": {
            "objectClass": classes("crossRefContainer"),
            "msDS-Behavior-Version": [b"7"],
            "msDS-EnabledFeature": [f"CN=Recycle Bin Feature,CN=Optional Features,{CONFIGURATION}".encode()],
        },
        f"CN=TILLEULS,CN=Partitions,{CONFIGURATION}": {
            "objectClass": classes("crossRef"),
            "nCName": [DOMAIN.encode()],
            "nETBIOSName": [b"TILLEULS"],
            "systemFlags": [b"3"],
        },
        f"CN=Sites,{CONFIGURATION}": PLAIN,
        f"CN=Directory Service,CN=Windows NT,CN=Services,{CONFIGURATION}": {
            "objectClass": classes("nTDSService"),
            "dSHeuristics": [b"0000000001"],
        },
        f"CN=Public Key Services,CN=Services,{CONFIGURATION}": PLAIN,
        f"CN=DisplaySpecifiers,{CONFIGURATION}": PLAIN,
        DOMAIN_ZONES: PLAIN,
        f"DC=tilleuls.test,CN=MicrosoftDNS,{DOMAIN_ZONES}": {
            "objectClass": classes("dnsZone"),
            "dNSProperty": [bytes.fromhex("0100000001000000000000000100000002000000") + b"\x02\0"],
            "nTSecurityDescriptor": [DESCRIPTOR],
        },
    }


def _search(data: bytes) -> tuple[str, int]:
    """Base and scope of a search request."""
    _, _, start, _end = ber.operation(data)
    header = ber.header(data, start)
    assert header is not None
    base = data[header[1] : header[2]].decode()
    scope = ber.header(data, header[2])
    assert scope is not None
    return base, data[scope[1]]


class FakeDirectory:
    """Handler of a `FakeDc`. Filters are not applied: a reader must not rely on them to tell objects apart."""

    def __init__(self, objects: Mapping[str, Values], failures: Mapping[str, int] | None = None) -> None:
        """`failures`: result code by base of search; -1 cuts the connection after the first entry."""
        self._objects = objects
        self._failures = failures or {}

    def __call__(self, message_id: int, tag: int, data: bytes) -> bytes:
        if tag == ber.BIND_REQUEST:
            return wire.bind_answer(message_id)
        base, scope = _search(data)
        code = self._failures.get(base, 0)
        if code > 0:
            return wire.done(message_id, code)
        found = [name for name in self._objects if _in_scope(name, base, scope)]
        answer = b"".join(wire.entry(message_id, name, self._objects[name]) for name in found)
        if code < 0:
            return wire.entry(message_id, base, self._objects[base]) + b"\x00garbage"
        return answer + wire.done(message_id, 0 if base in self._objects else 32)


def _in_scope(name: str, base: str, scope: int) -> bool:
    if scope == ber.BASE:
        return name == base
    # A subtree search of the domain does not enter the other partitions.
    if base == DOMAIN and (name.endswith((CONFIGURATION, DOMAIN_ZONES))):
        return False
    inside = name == base or name.endswith("," + base)
    return inside and not (base == CONFIGURATION and name.endswith(SCHEMA)) and name != ""
