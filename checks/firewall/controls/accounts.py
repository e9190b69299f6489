"""Who administers the firewall and who comes in through its VPN."""

from __future__ import annotations

import re

from checks.common.french import listed, plural
from checks.firewall.controls.common import RULES_ONLY, each_device, evidence, silent_accounts, thing
from checks.firewall.facts import Administrator, Device, User, Vpn
from checks.firewall.review import DeviceReview
from checks.model import Context, Gap, Judgement, Severity, failed, not_applicable, not_assessed, passed

_CLEAR = ("telnet", "http")
"""Administration services that carry passwords in clear text."""


def _administrators(device: Device) -> tuple[Administrator, ...] | Judgement:
    """The active administrators; a firewall without any does not exist, so an empty list is a silent export."""
    if isinstance(device.administrators, Gap):
        return not_assessed(device.name, device.administrators)
    active = tuple(one for one in device.administrators if one.enabled)
    return active or silent_accounts(device, "les comptes d'administration")


@each_device
def factory_administrator(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the account the product is delivered with is disabled or renamed."""
    device = review.device
    active = _administrators(device)
    if isinstance(active, Judgement):
        return active
    seen = evidence(device, f"comptes actifs : {listed(one.name for one in active)}")
    found = tuple(
        thing("administrator", one.name, "compte d'origine du produit, actif", one.line, word="compte")
        for one in active
        if one.factory
    )
    if not found:
        return passed(device.name, "Le compte d'administration d'origine n'est plus utilisé.", seen)
    names = listed(item.ref for item in found)
    return failed(device.name, f"Le compte d'administration d'origine est actif ({names}).", seen, affected=found)


@each_device
def administrators_mfa(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every active administrator needs a second factor."""
    device = review.device
    active = _administrators(device)
    if isinstance(active, Judgement):
        return active
    weak = [one for one in active if one.mfa is False]
    seen = evidence(device, f"{len(weak)} sur {plural(len(active), '{n} compte actif', '{n} comptes actifs')}")
    if weak:
        found = tuple(
            thing(
                "administrator",
                one.name,
                "sans second facteur" + ("" if one.restricted else ", depuis n'importe quelle adresse"),
                one.line,
                word="compte",
            )
            for one in weak
        )
        message = plural(
            len(found),
            "{n} administrateur du pare-feu se connecte avec un simple mot de passe.",
            "{n} administrateurs du pare-feu se connectent avec un simple mot de passe.",
        )
        return failed(device.name, message, seen, affected=found)
    if any(one.mfa is None for one in active):
        return silent_accounts(device, "le réglage du second facteur des administrateurs")
    return passed(device.name, "Tous les administrateurs utilisent un second facteur.", seen)


@each_device
def clear_management(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no interface answers Telnet or HTTP for administration."""
    device = review.device
    stated = [one for one in device.interfaces if one.management is not None and one.enabled]
    if not stated:
        return silent_accounts(device, "les protocoles d'administration de chaque interface")
    found = tuple(
        thing("interface", one.name, listed(names), one.line, word="interface")
        for one in stated
        if (names := [name for name in one.management or () if name in _CLEAR])
    )
    seen = evidence(device, plural(len(stated), "{n} interface examinée", "{n} interfaces examinées"))
    if not found:
        return passed(device.name, "L'administration n'utilise que des protocoles chiffrés.", seen)
    message = plural(
        len(found),
        "{n} interface accepte une administration non chiffrée (Telnet ou HTTP).",
        "{n} interfaces acceptent une administration non chiffrée (Telnet ou HTTP).",
    )
    return failed(device.name, message, seen, affected=found)


@each_device
def local_users(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no person has an account in the firewall itself: departures are forgotten there."""
    device = review.device
    if isinstance(device.users, Gap):
        return not_assessed(device.name, device.users)
    active: list[User] = [one for one in device.users if one.enabled]
    if not active:
        if not device.users and not _holds_accounts(device):
            return silent_accounts(device, "les comptes d'utilisateurs")
        return passed(
            device.name,
            "Aucun compte d'utilisateur n'est créé dans le pare-feu.",
            evidence(device, "0 compte local actif"),
        )
    found = tuple(
        thing("user", one.name, "sans second facteur" if one.mfa is False else "compte local", one.line, word="compte")
        for one in active
    )
    message = plural(
        len(found),
        "{n} personne a un compte propre au pare-feu, hors de l'annuaire : vérifier qu'elle est encore là.",
        "{n} personnes ont un compte propre au pare-feu, hors de l'annuaire : vérifier qu'elles sont encore là.",
    )
    return failed(device.name, message, evidence(device, f"{len(found)} compte(s) local(aux) actif(s)"), affected=found)


def _holds_accounts(device: Device) -> bool:
    """The export is one where accounts would be seen."""
    return isinstance(device.administrators, tuple) and bool(device.administrators)


# --- VPN


def _vpns(device: Device) -> tuple[Vpn, ...] | Judgement:
    if isinstance(device.vpns, Gap):
        return not_assessed(device.name, device.vpns)
    active = tuple(one for one in device.vpns if one.enabled)
    if active:
        return active
    if not device.vpns and (device.vendor in RULES_ONLY or not _holds_accounts(device)):
        return silent_accounts(device, "la configuration des VPN")
    return not_applicable(device.name, f"{device.name} n'a aucun VPN actif.")


@each_device
def vpn_mfa(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when everybody who connects from outside needs a second factor."""
    device = review.device
    active = _vpns(device)
    if isinstance(active, Judgement):
        return active
    remote = [one for one in active if one.remote_access]
    if not remote:
        return not_applicable(device.name, f"{device.name} n'a aucun accès distant de personnes par VPN.")
    weak = [one for one in remote if one.mfa is False]
    seen = evidence(device, f"accès distants : {listed(one.name for one in remote)}")
    if weak:
        found = tuple(thing("vpn", one.name, f"{one.kind}, mot de passe seul", one.line, word="VPN") for one in weak)
        names = listed(one.name for one in weak)
        return failed(device.name, f"On entre par VPN avec un simple mot de passe ({names}).", seen, affected=found)
    if any(one.mfa is None for one in remote):
        return silent_accounts(device, "le réglage du second facteur du VPN")
    return passed(device.name, "Tous les accès distants par VPN demandent un second facteur.", seen)


# Thresholds. RFC 8247 (IKEv2) and RFC 8221 (ESP): DES and MD5 must not be used; 3DES, SHA-1 and the groups of less
# than 2048 bits are being withdrawn; group 22 must not, 23 and 24 should not be used. RFC 9395: IKEv1 is deprecated.
# RGS, annexe B1 (ANSSI): 2048 bits at least for a modular group, 250 bits for an elliptic curve.
# RFC 8996: TLS 1.0 and 1.1 must not be used. RFC 2409 aggressive mode shows a hash of the shared key to anybody.
_BROKEN_CIPHERS = frozenset({"des", "null", "rc4"})
_OLD_CIPHERS = frozenset({"3des", "blowfish", "bf-cbc", "cast", "cast128", "idea"})
_BROKEN_GROUPS = frozenset({1, 2, 22, 25})
_OLD_GROUPS = frozenset({5, 23, 24, 26, 27})
_TLS = re.compile(r"1(?:[._-]([0-3]))?")
_GOOD_TLS_MINOR = 2
_IKE_V1 = 1


def broken(vpn: Vpn) -> list[str]:
    """What lets somebody on the path read or enter the VPN."""
    found = [f"chiffrement {name.upper()}" for name in vpn.encryption if name in _BROKEN_CIPHERS]
    found += ["empreinte MD5" for name in vpn.integrity if name == "md5"]
    found += [f"groupe Diffie-Hellman {number}" for number in vpn.dh_groups if number in _BROKEN_GROUPS]
    if vpn.kind == "pptp":
        found.append("protocole PPTP")
    if vpn.aggressive and vpn.authentication in ("psk", ""):
        found.append("mode agressif avec clé partagée")
    return found


def ageing(vpn: Vpn) -> list[str]:
    """What is being withdrawn."""
    found = [f"chiffrement {name.upper()}" for name in vpn.encryption if name in _OLD_CIPHERS]
    found += ["empreinte SHA-1" for name in vpn.integrity if name in ("sha1", "sha")]
    found += [f"groupe Diffie-Hellman {number}" for number in vpn.dh_groups if number in _OLD_GROUPS]
    if _IKE_V1 in vpn.ike_versions:
        found.append("IKE version 1")
    if _old_tls(vpn.tls_minimum):
        found.append(f"{vpn.tls_minimum} accepté")
    return found


def _old_tls(text: str) -> bool:
    """The lowest version accepted is SSL, TLS 1.0 or 1.1: `tls1-1`, `TLSv1`, `1.0`."""
    found = _TLS.search(text)
    return text.lower().startswith("ssl") or bool(found and int(found[1] or 0) < _GOOD_TLS_MINOR)


@each_device
def vpn_cryptography(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no VPN offers a broken or withdrawn algorithm; silent when the export names none."""
    device = review.device
    active = _vpns(device)
    if isinstance(active, Judgement):
        return active
    weak = [(one, [*broken(one), *ageing(one)]) for one in active if broken(one) or ageing(one)]
    seen = evidence(device, f"VPN actifs : {listed(one.name for one in active)}")
    if weak:
        found = tuple(thing("vpn", f"{one.kind}:{one.name}", listed(why), one.line, word="VPN") for one, why in weak)
        reasons = listed(text for _, why in weak for text in why)
        number = plural(len(found), "{n} VPN accepte", "{n} VPN acceptent")
        severity = Severity.HIGH if any(broken(one) for one, _ in weak) else None
        return failed(
            device.name, f"{number} un chiffrement dépassé ({reasons}).", seen, affected=found, severity=severity
        )
    mute = [one.name for one in active if one.kind != "wireguard" and not _described(one)]
    if mute:
        return silent_accounts(device, f"les algorithmes de {listed(mute)}")
    return passed(device.name, "Aucun VPN n'accepte de chiffrement dépassé.", seen)


def _described(vpn: Vpn) -> bool:
    """The export says something of the algorithms; WireGuard has no choice to make."""
    return bool(vpn.encryption or vpn.integrity or vpn.dh_groups or vpn.tls_minimum)
