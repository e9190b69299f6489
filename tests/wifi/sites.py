"""A fictional house with careful Wi-Fi, and ways to change one thing in it."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from checks.model import Context, Judgement
from checks.wifi.certificate import EapCertificate
from checks.wifi.exports.clients import ClientProfile
from checks.wifi.facts import (
    Association,
    AttackSign,
    CaptureFile,
    Deauthentication,
    EapSession,
    Handshake,
    Network,
    Packet,
    ProbeLeak,
    WifiFacts,
    WlanConfig,
)
from checks.wifi.inside.facts import Attempt, InsideFacts, Lookup, Portal, Router
from checks.wifi.radius.facts import (
    LoginResult,
    Offer,
    PlainAnswer,
    RadiusFacts,
    ServerCertificate,
    SharedSecret,
    Signatures,
)

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
CONTEXT = Context(now=NOW)
PRO, RESIDENTS, GUESTS = "Tilleuls-Pro", "Tilleuls-Residents", "Tilleuls-Visiteurs"
NEIGHBOUR = "Livebox-A1B2"
PRO_24, PRO_5, RES_5, GUEST_5 = "00:11:22:33:44:50", "00:11:22:33:55:50", "00:11:22:33:55:51", "00:11:22:33:55:52"
THEIRS = "a0:b1:c2:d3:e4:f5"
STRANGER = "de:ad:be:ef:00:01"
CAPTURE_FILE = "tilleuls.pcapng"
EXPORT_FILE = "controleur.json"
ROLES = {PRO: "pro", RESIDENTS: "resident", GUESTS: "guest"}


def packet(number: int = 1, file: str = CAPTURE_FILE) -> Packet:
    return Packet(file=file, number=number)


def network(bssid: str, ssid: str, **fields: Any) -> Network:
    """A 5 GHz radio in WPA3 with a password, as a capture shows it."""
    base: dict[str, Any] = {
        "hidden": False,
        "akms": ("SAE",),
        "pairwise": ("CCMP",),
        "group": "CCMP",
        "pmf": "required",
        "wps": "absent",
        "locked": False,
        "privacy": True,
        "encryption": "wpa3",
        "source": "capture",
        "band": "5",
        "channel": 36,
        "beacons": 100,
        "packet": packet(),
    }
    return Network(bssid=bssid, ssid=ssid, **base | fields)


ENTERPRISE: dict[str, Any] = {"akms": ("802.1X-SHA256",), "encryption": "wpa3", "pmf": "required"}
PSK: dict[str, Any] = {"akms": ("PSK",), "encryption": "wpa2", "pmf": "none"}
MIXED: dict[str, Any] = {"akms": ("PSK", "SAE"), "encryption": "wpa2-wpa3", "pmf": "capable"}
OWE: dict[str, Any] = {"akms": ("OWE",), "encryption": "owe", "pmf": "required"}
OPEN: dict[str, Any] = {
    "akms": (), "pairwise": (), "group": "", "encryption": "open", "pmf": "none", "privacy": False,
}  # fmt: skip
WEP: dict[str, Any] = {"akms": (), "pairwise": ("WEP",), "group": "WEP", "encryption": "wep", "pmf": "none"}
WPA: dict[str, Any] = {"akms": ("PSK",), "pairwise": ("TKIP",), "group": "TKIP", "encryption": "wpa", "pmf": "none"}
MUTE: dict[str, Any] = {
    "akms": (), "pairwise": (), "group": "", "encryption": "unknown", "pmf": "", "wps": "", "incomplete": True,
}  # fmt: skip


def setting(ssid: str, **fields: Any) -> WlanConfig:
    """An SSID as the controller holds it: all that may be good is."""
    base: dict[str, Any] = {
        "file": EXPORT_FILE,
        "product": "unifi",
        "line": 12,
        "encryption": "wpa3",
        "akms": ("SAE",),
        "pmf": "required",
        "isolation": True,
        "portal": "https",
        "wps": False,
        "hidden": False,
        "management": (),
        "firmware": "7.1.26",
    }
    return WlanConfig(ssid=ssid, **base | fields)


def networks() -> tuple[Network, ...]:
    return (
        network(PRO_24, PRO, band="2.4", channel=6, **ENTERPRISE),
        network(PRO_5, PRO, **ENTERPRISE),
        network(RES_5, RESIDENTS),
        network(GUEST_5, GUESTS, **OWE),
        network(THEIRS, NEIGHBOUR, **WPA, wps="configured"),
    )


def settings() -> tuple[WlanConfig, ...]:
    return (
        setting(PRO, vlan=10, enterprise=True, **ENTERPRISE),
        setting(
            RESIDENTS, vlan=20, psk_bits=92.0, psk_length=24, psk_group="a1", psk_changed="2026-03-01", enterprise=False
        ),
        setting(GUESTS, vlan=30, enterprise=False, **OWE),
    )


def capture(**fields: Any) -> CaptureFile:
    base: dict[str, Any] = {
        "name": CAPTURE_FILE,
        "sha256": "00" * 32,
        "size": 1000,
        "format": "pcapng",
        "links": ("radiotap",),
        "frames": 1200,
        "first": "2026-11-22T08:00:00Z",
        "last": "2026-11-22T08:12:30Z",
    }
    return CaptureFile(**base | fields)


def certificate(**fields: Any) -> EapCertificate:
    base: dict[str, Any] = {
        "names": ("radius.tilleuls.test",),
        "subject": "CN=radius.tilleuls.test",
        "issuer": "CN=Autorite Tilleuls",
        "not_before": "2026-01-01T00:00:00Z",
        "not_after": "2028-01-01T00:00:00Z",
        "key": "rsa 2048",
        "signature": "sha256",
        "sha256": "ab" * 32,
        "chain": 2,
    }
    return EapCertificate(**base | fields)


def session(bssid: str = PRO_5, **fields: Any) -> EapSession:
    base: dict[str, Any] = {
        "client": "c1",
        "methods": ("PEAP",),
        "identity_in_clear": False,
        "tls": "TLS 1.2",
        "certificate": certificate(),
        "outcome": "success",
        "packets": (packet(40),),
    }
    return EapSession(bssid=bssid, **base | fields)


def association(bssid: str = PRO_5, **fields: Any) -> Association:
    base: dict[str, Any] = {"client": "c1", "akm": "802.1X-SHA256", "pairwise": "CCMP", "protected": 80, "clear": 12}
    return Association(bssid=bssid, **base | {"packet": packet(30)} | fields)


def handshake(bssid: str = RES_5, **fields: Any) -> Handshake:
    base: dict[str, Any] = {
        "client": "c2",
        "akm": "PSK",
        "messages": (1, 2),
        "offline_attack": True,
        "reason": "messages 1 et 2 avec un mot de passe partagé",
        "packets": (packet(50), packet(51)),
    }
    return Handshake(bssid=bssid, **base | fields)


def deauthentication(bssid: str = PRO_5, **fields: Any) -> Deauthentication:
    base: dict[str, Any] = {"frames": 300, "broadcast": 300, "protected": 0, "targets": 4, "peak": 51}
    return Deauthentication(bssid=bssid, **base | {"packet": packet(60)} | fields)


def attack(bssid: str = PRO_5, **fields: Any) -> AttackSign:
    """A key put back into service, proved by two frames."""
    base: dict[str, Any] = {
        "kind": "key-reinstallation",
        "client": "c1",
        "frames": 2,
        "certainty": "proven",
        "reason": "deux numéros déjà utilisés",
    }
    return AttackSign(bssid=bssid, **base | {"packets": (packet(80), packet(81))} | fields)


def probe(**fields: Any) -> ProbeLeak:
    base: dict[str, Any] = {"client": "c9", "ssids": (), "others": 2, "packet": packet(70)}
    return ProbeLeak(**base | fields)


def profile(**fields: Any) -> ClientProfile:
    """A station that checks the authority and the name of the authentication server."""
    base: dict[str, Any] = {
        "ssid": PRO,
        "file": "Tilleuls-Pro.xml",
        "product": "windows_profile",
        "enterprise": True,
        "eap": ("PEAP",),
        "inner": ("MSCHAPV2",),
        "ca": "pinned",
        "server_names": ("radius.tilleuls.test",),
        "user_may_accept": False,
    }
    return ClientProfile(**base | fields)


TRIED = (
    ("server", "contrôleur de domaine", "10.10.0.10", 389),
    ("server", "contrôleur de domaine", "10.10.0.10", 445),
    ("dui", "dossier usager", "10.10.0.30", 1433),
    ("switch", "commutateur", "10.10.0.2", 22),
    ("printer", "imprimante accueil", "10.10.0.40", 9100),
    ("station", "tablette voisine", "10.20.0.21", 445),
)


def attempts(outcome: str) -> tuple[Attempt, ...]:
    """One connection to each kind of machine, and the gateway, which answers by design."""
    gateway = Attempt(
        target="passerelle", address="10.20.0.1", port=53, kind="gateway", outcome="open", milliseconds=1.0,
        must_answer=True,
    )  # fmt: skip
    tried = (
        Attempt(target=target, address=address, port=port, kind=kind, outcome=outcome, milliseconds=2.0)
        for kind, target, address, port in TRIED
    )
    six = msgspec.structs.replace(gateway, target="passerelle IPv6", address="fd00:20::1")
    return (gateway, six, *tried)


def joined(outcome: str = "no_answer", **fields: Any) -> InsideFacts:
    """The residents' network, from which nothing professional answers."""
    base: dict[str, Any] = {
        "role": "resident",
        "ssid": RESIDENTS,
        "network": "10.20.0.0/24",
        "started": NOW,
        "own_addresses": ("10.20.0.20", "fd00:20::20"),
        "attempts": attempts(outcome),
        "lookups": (Lookup(server="10.20.0.1", name="dc1.tilleuls.test", status="nxdomain"),),
        "egress": (Attempt(target="203.0.113.9", address="203.0.113.9", port=25, kind="external", outcome=outcome),),
        "portal": Portal(
            url="http://exemple.test/",
            status=302,
            location="https://portail.tilleuls.test/",
            redirected=True,
            https=True,
            milliseconds=3.0,
        ),
        "ipv6": Attempt(target="serveur", address="fd00:10::10", port=445, kind="ipv6", outcome=outcome),
        "routers": (Router(kind="gateway", address="10.20.0.1"), Router(kind="announced", address="fe80::1")),
        "declared_routers": ("10.20.0.1", "fe80::1"),
    }
    return InsideFacts(**base | fields)


def radius_server(**fields: Any) -> RadiusFacts:
    """The authentication server of the professional network, well kept."""
    base: dict[str, Any] = {
        "server": "10.10.0.12",
        "port": 1812,
        "ssid": PRO,
        "server_name": "radius.tilleuls.test",
        "proposed": "PEAP",
        "offers": (
            Offer(method="PEAP", answer="offered", first=True),
            *(Offer(method=name, answer="refused") for name in ("TTLS", "TLS", "MD5", "GTC", "MSCHAPV2", "LEAP")),
        ),
        "tls_method": "PEAP",
        "versions": ("TLS 1.3", "TLS 1.2"),
        "certificate": ServerCertificate(
            method="PEAP", tls="TLS 1.2", certificate=certificate(), chain_not_after="2028-01-01T00:00:00Z",
            expected_name="radius.tilleuls.test", name_matches=True, trusted=True, authority="CN=Autorite Tilleuls",
            public=False,
        ),
        "signatures": Signatures(answers=30, signed=30, signed_first=30),
        "plain": PlainAnswer(code="Access-Reject", signed=True, signed_first=True),
        "login": LoginResult(
            success=True, method="PEAP", inner="MSCHAPV2", tls="TLS 1.2", server_checked=True,
            server_knew_password=True, requests=9,
        ),
        "secret": SharedSecret(length=32, bits=150.0),
    }  # fmt: skip
    return RadiusFacts(**base | fields)


def careless_server() -> RadiusFacts:
    """The same, with everything wrong at once."""
    shown = certificate(key="rsa 1024", signature="sha1", not_after="2026-01-01T00:00:00Z", self_issued=True)
    return radius_server(
        offers=(Offer(method="MD5", answer="offered", first=True), Offer(method="PEAP", answer="offered")),
        versions=("TLS 1.2", "TLS 1.0"),
        certificate=ServerCertificate(
            method="PEAP", tls="TLS 1.2", certificate=shown, chain_not_after="2026-01-01T00:00:00Z",
            expected_name="radius.tilleuls.test", name_matches=False, trusted=False, trust_error="self-signed",
            authority="CN=Autorite Tilleuls", public=True,
        ),
        signatures=Signatures(answers=30, signed=0, signed_first=0),
        plain=PlainAnswer(code="Access-Reject"),
        login=LoginResult(success=False, method="PEAP", inner="MSCHAPV2", server_checked=True, requests=9),
        secret=SharedSecret(length=6, bits=20.0),
    )  # fmt: skip


def exposed() -> InsideFacts:
    """The residents' network, from which everything answers."""
    return joined(
        "open",
        lookups=(Lookup(server="10.20.0.1", name="dc1.tilleuls.test", status="found", addresses=("10.10.0.10",)),),
        portal=Portal(
            url="http://exemple.test/",
            status=302,
            location="http://portail.test/",
            redirected=True,
            https=False,
            milliseconds=3.0,
        ),
        routers=(Router(kind="gateway", address="10.20.0.1"), Router(kind="announced", address="fe80::bad")),
    )


def site(**fields: Any) -> WifiFacts:
    """The careful house; `fields` replace those of the facts."""
    base: dict[str, Any] = {
        "networks": networks(),
        "handshakes": tuple(
            handshake(
                bssid, messages=(1, 2, 3, 4), offline_attack=False, akm=akm, client=client, reason="rien à chercher"
            )
            for bssid, akm, client in ((PRO_5, "802.1X-SHA256", "c1"), (RES_5, "SAE", "c2"), (GUEST_5, "OWE", "c4"))
        ),
        "eap": (session(),),
        "truncated": False,
        "files": (capture(),),
        "associations": (
            association(),
            association(RES_5, client="c2", akm="SAE"),
            association(GUEST_5, client="c4", akm="OWE"),
        ),
        "configurations": settings(),
        "clients": (profile(),),
        "roles": ROLES,
        "declared_bssids": (PRO_24, PRO_5, RES_5, GUEST_5),
        "inside": (joined(),),
        "radius": (radius_server(),),
    }
    return WifiFacts(**base | fields)


NOTHING = WifiFacts(networks=(), handshakes=(), eap=(), truncated=False)


def retuned(bssid: str, base: WifiFacts | None = None, **fields: Any) -> WifiFacts:
    """One radio changed."""
    facts = base or site()
    found = tuple(msgspec.structs.replace(n, **fields) if n.bssid == bssid else n for n in facts.networks)
    return msgspec.structs.replace(facts, networks=found)


def reset(ssid: str, base: WifiFacts | None = None, **fields: Any) -> WifiFacts:
    """One exported setting changed."""
    facts = base or site()
    found = tuple(msgspec.structs.replace(c, **fields) if c.ssid == ssid else c for c in facts.configurations)
    return msgspec.structs.replace(facts, configurations=found)


def with_networks(*more: Network, base: WifiFacts | None = None) -> WifiFacts:
    facts = base or site()
    return msgspec.structs.replace(facts, networks=(*facts.networks, *more))


def air(**fields: Any) -> WifiFacts:
    """Only captures: no export."""
    return site(configurations=(), **{"clients": (), "inside": (), "radius": ()} | fields)


def exports(**fields: Any) -> WifiFacts:
    """Only exports: no radio was heard."""
    return site(networks=(), files=(), eap=(), associations=(), **{"clients": (), "inside": (), "radius": ()} | fields)


# --- Judging


def every(control: str, facts: WifiFacts, **answers: Any) -> list[Judgement]:
    """All judgements of one control (`keys.offline_attack`)."""
    module, _, name = control.rpartition(".")
    function = getattr(importlib.import_module(f"checks.wifi.controls.{module}"), name)
    found = function(facts, Context(now=NOW, answers=answers))
    return found if isinstance(found, list) else [found]


def judge(control: str, facts: WifiFacts, subject: str, **answers: Any) -> Judgement:
    """The judgement of one control on one subject."""
    found = [one for one in every(control, facts, **answers) if one.subject == subject]
    assert len(found) == 1, [one.subject for one in every(control, facts, **answers)]
    return found[0]
