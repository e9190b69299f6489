"""What the certificate of an authentication server proves. Pure functions: facts in, judgements out.

Sources: RFC 5216 section 5.3 (the station checks the certificate), NIST SP 800-57 part 1 (sizes of keys).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from checks.common.french import count, listed
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Reason,
    Severity,
    failed,
    not_applicable,
    not_assessed,
    passed,
)
from checks.wifi.radius.facts import RadiusFacts, ServerCertificate
from checks.wifi.radius.words import place

SOON_DAYS = 60
"""Our own mark: the time to get a certificate, to install it and to tell the stations of a new authority."""
RSA_BITS, EC_BITS = 2048, 256
"""NIST SP 800-57 part 1: 112 bits of security for RSA of 2048 bits, 128 for a curve of 256."""
_OLD_HASHES = frozenset({"md2", "md4", "md5", "sha1"})
_CURVE_SIZE = re.compile(r"(\d{3})")


def chain(facts: RadiusFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when the certificate leads to the authority that stations are told to trust."""
    subject = place(facts)
    found = _certificate(facts)
    if isinstance(found, Judgement):
        return [found]
    if isinstance(found.trusted, Gap):
        return [not_assessed(subject, found.trusted)]
    if found.trusted is None:
        detail = "L'autorité attendue par les appareils (ca_file) n'est pas déclarée : la chaîne n'est pas vérifiée."
        return [not_assessed(subject, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))]
    if found.trusted:
        message = f"Le certificat du serveur d'authentification mène bien à l'autorité déclarée ({found.authority})."
        return [passed(subject, message, _shown(found))]
    alone = " Il est signé par lui-même." if found.certificate.self_issued else ""
    message = (
        f"Le certificat du serveur d'authentification ne mène pas à l'autorité déclarée ({found.authority}) : les "
        f"appareils bien réglés ne se connectent pas, les autres ne vérifient rien.{alone}"
    )
    return [failed(subject, message, _shown(found), affected=(_affected(found, found.trust_error),))]


def name(facts: RadiusFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when the certificate carries the name that stations are told to expect."""
    subject = place(facts)
    found = _certificate(facts)
    if isinstance(found, Judgement):
        return [found]
    names = listed(found.certificate.names) or found.certificate.subject
    if found.name_matches is None:
        detail = f"Le nom attendu par les appareils (server_name) n'est pas déclaré ; le certificat porte : {names}."
        return [not_assessed(subject, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))]
    if found.name_matches:
        return [passed(subject, f"Le certificat porte le nom attendu : {found.expected_name}.", _shown(found))]
    message = f"Le certificat porte {names}, et non le nom que les appareils attendent ({found.expected_name})."
    return [failed(subject, message, _shown(found), affected=(_affected(found, "autre nom"),))]


def dates(facts: RadiusFacts, context: Context) -> list[Judgement]:
    """Conforms when every certificate sent is valid for two months more: the day after, nobody gets on the network."""
    subject = place(facts)
    found = _certificate(facts)
    if isinstance(found, Judgement):
        return [found]
    end = _date(found.chain_not_after or found.certificate.not_after)
    begin = _date(found.certificate.not_before)
    affected = (_affected(found, f"valable du {begin:%d/%m/%Y} au {end:%d/%m/%Y}"),)
    if begin > context.now:
        message = f"Le certificat du serveur d'authentification ne vaut qu'à partir du {begin:%d/%m/%Y}."
        return [failed(subject, message, _shown(found), affected=affected)]
    if end < context.now:
        message = f"Le certificat du serveur d'authentification est expiré depuis le {end:%d/%m/%Y}."
        return [failed(subject, message, _shown(found), affected=affected)]
    left = (end - context.now).days
    if left < SOON_DAYS:
        message = (
            f"Le certificat du serveur d'authentification expire le {end:%d/%m/%Y}, dans {count(left, 'jour')} : "
            f"ce jour-là, plus aucun appareil n'entre sur le Wi-Fi professionnel."
        )
        return [failed(subject, message, _shown(found), affected=affected, severity=Severity.LOW)]
    return [
        passed(subject, f"Le certificat du serveur d'authentification vaut jusqu'au {end:%d/%m/%Y}.", _shown(found))
    ]


def strength(facts: RadiusFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when key and signature resist: RSA of 2048 bits, a curve of 256, no MD5 nor SHA-1."""
    subject = place(facts)
    found = _certificate(facts)
    if isinstance(found, Judgement):
        return [found]
    key, signature = found.certificate.key, found.certificate.signature
    faults = []
    size = _key_size(key)
    if key.startswith("rsa ") and size < RSA_BITS:
        faults.append(f"clé RSA de {size} bits (au moins {RSA_BITS})")
    if key.startswith("ec ") and 0 < size < EC_BITS:
        faults.append(f"courbe de {size} bits (au moins {EC_BITS})")
    if signature in _OLD_HASHES:
        faults.append(f"signé avec {signature.upper()}, abandonné")
    if faults:
        message = f"Le certificat du serveur d'authentification est trop faible : {listed(faults)}."
        return [failed(subject, message, _shown(found), affected=(_affected(found, listed(faults)),))]
    if key in {"unknown", "other"}:
        detail = "La clé du certificat du serveur d'authentification est d'un genre que cet outil ne sait pas juger."
        return [not_assessed(subject, Gap(reason=Reason.UNSUPPORTED, detail=detail))]
    return [passed(subject, f"Clé {key}, signature {signature} : solides.", _shown(found))]


def authority(facts: RadiusFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when an authority of the establishment's own signed it.

    Anybody can buy a certificate from a public authority: then only the name keeps an impostor out (lighter). A
    certificate signed by itself cannot be renewed without touching every station.
    """
    subject = place(facts)
    found = _certificate(facts)
    if isinstance(found, Judgement):
        return [found]
    if found.certificate.self_issued:
        message = (
            "Le certificat du serveur d'authentification est signé par lui-même : il faut l'installer tel quel sur "
            "chaque appareil, et recommencer à chaque renouvellement."
        )
        return [failed(subject, message, _shown(found), affected=(_affected(found, "signé par lui-même"),))]
    if isinstance(found.public, Gap):
        return [not_assessed(subject, found.public)]
    if found.public:
        message = (
            f"Le certificat vient d'une autorité publique ({found.certificate.issuer}), où n'importe qui peut en "
            f"acheter un : les appareils doivent absolument vérifier aussi le nom du serveur."
        )
        return [failed(subject, message, _shown(found), affected=(_affected(found, "autorité publique"),))]
    message = f"Le certificat vient d'une autorité privée : {found.certificate.issuer}."
    return [passed(subject, message, _shown(found))]


# --- words -------------------------------------------------------------------------------------------------------


def _certificate(facts: RadiusFacts) -> ServerCertificate | Judgement:
    """The certificate, or the judgement that stands for it."""
    if facts.certificate is None:
        return not_applicable(place(facts), "Le serveur n'offre aucune méthode où il montre un certificat.")
    if isinstance(facts.certificate, Gap):
        return not_assessed(place(facts), facts.certificate)
    return facts.certificate


def _shown(found: ServerCertificate) -> Evidence:
    seen = found.certificate
    return Evidence(
        value=f"{_named(found)}, émis par {seen.issuer}, {seen.key}, {seen.signature}",
        source=f"certificat montré par le serveur dans {found.method} ({found.tls})",
    )


def _affected(found: ServerCertificate, detail: str) -> Affected:
    print_ = found.certificate.sha256
    return Affected(id=f"certificate:{print_}", label=_named(found), detail=detail, kind="certificate", ref=print_[:16])


def _named(found: ServerCertificate) -> str:
    return f"certificat {listed(found.certificate.names) or found.certificate.subject}"


def _key_size(key: str) -> int:
    """Bits of `rsa 2048` or `ec secp256r1`; 0 when the text does not tell."""
    found = _CURVE_SIZE.search(key) if key.startswith("ec ") else re.fullmatch(r"rsa (\d{1,6})", key)
    return int(found[1]) if found else 0


def _date(text: str) -> datetime:
    """A date as the reader of certificates writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)
