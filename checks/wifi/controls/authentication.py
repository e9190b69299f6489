"""802.1X as the air shows it: methods, identities, and what the authentication server presents.

RFC 3748 and RFC 4017 (what a method used over Wi-Fi must withstand), RFC 8996 (TLS 1.0 and 1.1 are retired). Sessions
recorded on a cable carry no SSID: they are judged for the site.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from checks.common.french import count, listed
from checks.model import (
    Affected,
    Context,
    Gap,
    Judgement,
    Reason,
    Severity,
    failed,
    not_applicable,
    not_assessed,
    passed,
)
from checks.wifi.certificate import EapCertificate
from checks.wifi.controls.common import (
    SITE,
    bssids,
    distinct,
    each_ssid,
    few,
    has_enterprise,
    of_packets,
    offers,
    station,
    unseen,
    unsure,
)
from checks.wifi.facts import EapSession, WifiFacts
from checks.wifi.roles import Own, known_bssids, own_ssids

WEAK = frozenset({"LEAP", "MD5", "MSCHAPV2", "GTC", "OTP"})
"""Bare: the password, or enough to find it, crosses the air outside any tunnel."""
STRONG = frozenset({"TLS", "PEAP", "TTLS", "FAST", "TEAP", "PWD", "SIM", "AKA", "AKA'", "EKE", "IKEV2"})
TLS_METHODS = frozenset({"TLS", "PEAP", "TTLS", "FAST", "TEAP"})
RSA_BITS = 2048
"""Shortest RSA key: same mark as for mail servers (NIST SP 800-57)."""
SOON_DAYS = 30
"""Before the end of a certificate; nobody gets on the network the day after."""
_OLD_HASHES = frozenset({"md2", "md4", "md5", "sha1"})

SessionJudge = Callable[[str, "list[EapSession]", Context], Judgement]


def sessions_of(own: Own) -> list[EapSession]:
    """Authentications on the radios of an SSID."""
    return [one for one in own.facts.eap if one.bssid in bssids(own)]


def wired(facts: WifiFacts) -> list[EapSession]:
    """Authentications recorded on a cable, or with a declared access point whose SSID was not seen."""
    cables = {file.name for file in facts.files if file.links and set(file.links) == {"ethernet"}}
    radios, inventory = {network.bssid for network in facts.networks}, known_bssids(facts)
    return [
        one
        for one in facts.eap
        if one.bssid not in radios and (one.bssid in inventory or (one.packets and one.packets[0].file in cables))
    ]


def each_authentication(judge: SessionJudge) -> Callable[[WifiFacts, Context], list[Judgement]]:
    """Make a control that judges the authentications of each SSID, then those of the cable."""

    @functools.wraps(judge)
    def control(facts: WifiFacts, context: Context) -> list[Judgement]:
        def of_ssid(own: Own, context: Context) -> Judgement:
            sessions = sessions_of(own)
            return judge(own.ssid, sessions, context) if sessions else _none(own)

        cable = wired(facts)
        radio = each_ssid()(of_ssid)(facts, context) if own_ssids(facts) or not cable else []
        return radio + ([judge(SITE, cable, context)] if cable else [])

    return control


def _none(own: Own) -> Judgement:
    found = offers(own)
    if not found:
        return unseen(own)
    if not has_enterprise(own) and all(offer.entry_known for offer in found):
        return not_applicable(own.ssid, f"« {own.ssid} » n'utilise pas 802.1X.")
    return unsure(own, f"Aucune authentification 802.1X sur « {own.ssid} » n'a été capturée.")


@each_authentication
def methods(subject: str, sessions: list[EapSession], context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no station uses, and the server proposes, no method that exposes the password."""
    used = [(one, names) for one in sessions if (names := _weak(one.methods))]
    offered = [(one, names) for one in sessions if (names := _weak(one.offered)) and not _weak(one.methods)]
    if used or offered:
        weak = listed(name for _, found in used or offered for name in found)
        how = "s'authentifient" if used else "se voient proposer de s'authentifier"
        affected = distinct(
            station(one.client, "eap-method", f"méthode {', '.join(found)}", one.bssid) for one, found in used + offered
        )
        return failed(
            subject,
            f"Des appareils {how} par {weak}, qui livre de quoi retrouver le mot de passe.",
            *few(of_packets(f"{one.client} : {', '.join(found)}", one.packets) for one, found in used + offered),
            affected=affected,
            severity=None if used else Severity.MEDIUM,
        )
    every = listed(name for one in sessions for name in one.methods)
    unknown = [name for one in sessions for name in one.methods if name.upper() not in STRONG]
    if unknown or not every:
        detail = f"Méthode d'authentification non reconnue ou non vue sur {subject} ({listed(unknown) or 'aucune'})."
        return not_assessed(subject, Gap(reason=Reason.UNSUPPORTED, detail=detail))
    seen = few(of_packets(f"{one.client} : {', '.join(one.methods)}", one.packets) for one in sessions)
    return passed(subject, f"Les authentifications capturées passent par {every}.", *seen)


def _weak(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.upper() in WEAK]


@each_authentication
def identities(subject: str, sessions: list[EapSession], context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no station says who it is before the tunnel is encrypted, by an identity or a certificate."""
    clear = [one for one in sessions if one.identity_in_clear or one.client_certificate]
    if clear:
        affected = distinct(station(one.client, "identity", _realm(one), one.bssid) for one in clear)
        named = count(len(affected), "appareil annonce son identité", "appareils annoncent leur identité")
        message = f"{named} en clair avant tout chiffrement."
        return failed(subject, message, *few(of_packets(_realm(one), one.packets) for one in clear), affected=affected)
    shown = [one for one in sessions if one.identity_seen is not False]
    if not shown:
        detail = f"Aucune capture de {subject} ne montre ce que les appareils répondent quand on leur demande leur nom."
        return not_assessed(subject, Gap(reason=Reason.UNSUPPORTED, detail=detail))
    seen = few(of_packets(f"{one.client} : identité anonyme", one.packets) for one in shown)
    return passed(subject, "Aucune identité n'a été annoncée en clair dans les authentifications capturées.", *seen)


def _realm(one: EapSession) -> str:
    what = "identité" if one.identity_in_clear else "certificat de l'appareil"
    return f"{one.client} : {what} en clair" + (f", domaine « {one.realm} »" if one.realm else "")


@each_authentication
def server_certificate(subject: str, sessions: list[EapSession], context: Context) -> Judgement:
    """Conforms when the certificate shown is in its dates, with a key and a signature that hold, signed by another."""
    shown = [(one, one.certificate) for one in sessions if isinstance(one.certificate, EapCertificate)]
    faults = [(one, found, told) for one, found in shown if (told := _faults(found, context.now))]
    if faults:
        only_self = all(told == [_SELF] for _, _, told in faults)
        said = listed(text for _, _, told in faults for text in told)
        return failed(
            subject,
            f"Le certificat du serveur d'authentification ne convient pas : {said}.",
            *few(of_packets(f"{_named(found)} : {', '.join(told)}", one.packets) for one, found, told in faults),
            affected=distinct(_certificate(found, ", ".join(told)) for _, found, told in faults),
            severity=Severity.LOW if only_self else None,
        )
    if not shown:
        return _no_certificate(subject, sessions)
    first = min((found for _, found in shown), key=lambda found: found.not_after)
    left = (_date(first.not_after) - context.now).days
    soon = f" : à renouveler, il reste {count(left, 'jour')}" if left < SOON_DAYS else ""
    message = f"Le certificat du serveur d'authentification vaut jusqu'au {_date(first.not_after):%d/%m/%Y}{soon}."
    seen = few(of_packets(f"{_named(found)}, {found.key}, {found.signature}", one.packets) for one, found in shown)
    return passed(subject, message, *seen)


_SELF = "signé par lui-même, sans autorité que les appareils puissent vérifier"


def _faults(found: EapCertificate, now: datetime) -> list[str]:
    told: list[str] = []
    if _date(found.not_after) < now:
        told.append(f"expiré depuis le {_date(found.not_after):%d/%m/%Y}")
    if _date(found.not_before) > now:
        told.append(f"valable seulement à partir du {_date(found.not_before):%d/%m/%Y}")
    rsa = re.fullmatch(r"rsa (\d{1,6})", found.key)
    if rsa and int(rsa[1]) < RSA_BITS:
        told.append(f"clé RSA de {rsa[1]} bits (au moins {RSA_BITS})")
    if found.signature in _OLD_HASHES:
        told.append(f"signé avec {found.signature.upper()}, abandonné")
    if found.self_issued and found.chain == 1:
        told.append(_SELF)
    return told


def _no_certificate(subject: str, sessions: Iterable[EapSession]) -> Judgement:
    every = list(sessions)
    gap = next((one.certificate for one in every if isinstance(one.certificate, Gap)), None)
    if gap:
        return not_assessed(subject, gap)
    if any(name.upper() in TLS_METHODS for one in every for name in one.methods):
        detail = f"Le certificat du serveur d'authentification de {subject} n'a pas été capturé."
        return not_assessed(subject, Gap(reason=Reason.UNSUPPORTED, detail=detail))
    return not_applicable(subject, "Aucune méthode capturée ne présente de certificat de serveur.")


def _certificate(found: EapCertificate, detail: str) -> Affected:
    return Affected(
        id=f"certificate:{found.sha256}", label=_named(found), detail=detail, kind="certificate", ref=found.sha256[:16]
    )


def _named(found: EapCertificate) -> str:
    return f"certificat {listed(found.names) or found.subject}"


def _date(text: str) -> datetime:
    """A date as the reader of certificates writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)


@each_authentication
def tls_version(subject: str, sessions: list[EapSession], context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every tunnel uses TLS 1.2 or later (RFC 8996)."""
    tunnels = [one for one in sessions if one.tls]
    old = [one for one in tunnels if one.tls not in ("TLS 1.2", "TLS 1.3")]
    if old:
        affected = distinct(station(one.client, "tls", one.tls, one.bssid) for one in old)
        names = listed(one.tls for one in old)
        message = f"Le serveur d'authentification accepte encore {names}, retiré des normes."
        seen = few(of_packets(f"{one.client} : {one.tls}", one.packets) for one in old)
        return failed(subject, message, *seen, affected=affected)
    if tunnels:
        names = listed(one.tls for one in tunnels)
        seen = few(of_packets(f"{one.client} : {one.tls}", one.packets) for one in tunnels)
        return passed(subject, f"Les tunnels d'authentification capturés utilisent {names}.", *seen)
    if any(name.upper() in TLS_METHODS for one in sessions for name in one.methods):
        detail = f"Le début des tunnels de {subject} n'a pas été capturé : version de TLS inconnue."
        return not_assessed(subject, Gap(reason=Reason.UNSUPPORTED, detail=detail))
    return not_applicable(subject, "Aucune méthode capturée n'utilise de tunnel TLS.")
