"""What the questions put to an authentication server prove. Pure functions: facts in, judgements out.

Sources: RFC 4017 (what an EAP method used over Wi-Fi must withstand), RFC 8996 (TLS 1.0 and 1.1 are retired), RFC 2865
section 3 (shared secret of 16 octets or more), RFC 3579 section 3.2 and CVE-2024-3596 (Message-Authenticator).
"""

from __future__ import annotations

from collections.abc import Iterable

from checks.common.french import choose, count, listed
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
from checks.wifi.radius.facts import (
    ACCEPTED,
    OFFERED,
    UNKNOWN,
    LoginResult,
    Offer,
    PlainAnswer,
    RadiusFacts,
)
from checks.wifi.radius.words import place

WEAK = {
    "MD5": "le mot de passe se retrouve hors ligne, et rien ne prouve que le serveur est le bon",
    "LEAP": "le mot de passe se retrouve hors ligne en quelques minutes",
    "GTC": "hors d'un tunnel, le mot de passe part en clair",
    "OTP": "hors d'un tunnel, la réponse part en clair",
    "MSCHAPV2": "hors d'un tunnel, le mot de passe se retrouve hors ligne",
}
"""Methods that fail RFC 4017 when they are not inside a tunnel, and why."""
SECRET_LENGTH = 16
"""RFC 2865 section 3: the secret should be at least 16 octets."""
SECRET_BITS = 80.0
"""Our own mark: one captured answer is enough to try secrets offline, at the speed of MD5, for as long as one likes."""
MODERN = frozenset({"TLS 1.2", "TLS 1.3"})


def methods(facts: RadiusFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when the server offers no method that gives the password away, and lets nobody in without proof."""
    subject = place(facts)
    if isinstance(facts.offers, Gap):
        return [not_assessed(subject, facts.offers)]
    if entered := [one for one in facts.offers if one.answer == ACCEPTED]:
        message = (
            "Le serveur d'authentification a laissé entrer une identité inconnue, sans mot de passe ni certificat."
        )
        affected = (Affected(id="eap:accepted", label=facts.server, detail="accès sans preuve", kind="accepted"),)
        return [failed(subject, message, *_answers(entered), affected=affected, severity=Severity.CRITICAL)]
    offered = [one for one in facts.offers if one.answer == OFFERED]
    if weak := [one for one in offered if one.method in WEAK]:
        said = listed(f"{one.method} ({WEAK[one.method]})" for one in weak)
        message = f"Le serveur d'authentification accepte des méthodes à proscrire sur un Wi-Fi : {said}."
        return [failed(subject, message, *_answers(offered), affected=_methods(weak))]
    if unknown := [one for one in facts.offers if one.answer == UNKNOWN and one.method in WEAK]:
        detail = f"Le serveur n'a pas dit s'il accepte {listed(one.method for one in unknown)} : {unknown[0].detail}"
        return [not_assessed(subject, Gap(reason=Reason.TIMEOUT, detail=detail))]
    asked = {one.method for one in facts.offers}
    if missing := [name for name in ("MD5", "LEAP", "GTC", "MSCHAPV2") if name not in asked]:
        detail = f"Toutes les méthodes faibles n'ont pas été demandées (manque : {', '.join(missing)})."
        return [not_assessed(subject, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))]
    names = listed(one.method for one in offered)
    message = f"Le serveur d'authentification n'offre aucune méthode faible. Méthodes offertes : {names}."
    return [passed(subject, message, *_answers(facts.offers))]


def tls_versions(facts: RadiusFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when the tunnel accepts TLS 1.2 or later only (RFC 8996)."""
    subject = place(facts)
    if isinstance(facts.versions, Gap):
        return [not_assessed(subject, facts.versions)]
    if facts.versions is None:
        return [not_applicable(subject, "Le serveur n'offre aucune méthode avec un tunnel TLS.")]
    seen = Evidence(value=", ".join(facts.versions), source=f"une poignée de main par version, dans {facts.tls_method}")
    if not facts.versions:
        detail = "Le serveur a refusé toutes les versions de TLS proposées : on ne sait pas ce qu'il accepte."
        return [not_assessed(subject, Gap(reason=Reason.UNSUPPORTED, detail=detail))]
    if old := [one for one in facts.versions if one not in MODERN]:
        affected = tuple(Affected(id=f"tls:{one}", label=one, detail="retirée des normes", kind="tls") for one in old)
        message = f"Le serveur d'authentification accepte encore {listed(old)}, retiré des normes (RFC 8996)."
        return [failed(subject, message, seen, affected=affected)]
    return [passed(subject, f"Le serveur d'authentification n'accepte que {listed(facts.versions)}.", seen)]


def signed_answers(facts: RadiusFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when answers carry a Message-Authenticator, or when requests without one are ignored (CVE-2024-3596).

    With EAP every server signs: it is the answer to a request without EAP that tells. Silence is only a proof when the
    same request, signed, is answered.
    """
    subject = place(facts)
    if isinstance(facts.offers, Gap):
        return [not_assessed(subject, facts.offers)]
    seen = facts.signatures
    if seen.answers and seen.signed < seen.answers:
        missing = seen.answers - seen.signed
        have = choose(missing, "n'a pas", "n'ont pas")
        message = f"{count(missing, 'réponse')} sur {seen.answers} à des demandes EAP {have} de Message-Authenticator."
        proof = Evidence(value=f"{missing} sans signature", source="réponses aux conversations EAP")
        return [failed(subject, message, proof, affected=(_unsigned(facts),))]
    if isinstance(facts.plain, Gap):
        return [not_assessed(subject, facts.plain)]
    if facts.plain is None:
        detail = "La demande sans Message-Authenticator n'a pas été faite."
        return [not_assessed(subject, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))]
    return [_plain(subject, facts, facts.plain)]


def _plain(subject: str, facts: RadiusFacts, plain: PlainAnswer) -> Judgement:
    proof = Evidence(
        value=f"{plain.code or 'aucune réponse'}, {'signée' if plain.signed else 'non signée'}"
        if plain.code
        else "aucune réponse",
        source="Access-Request sans EAP, sans mot de passe et sans Message-Authenticator",
    )
    if plain.code == "Access-Accept":
        message = "Le serveur RADIUS accepte une demande sans mot de passe ni signature."
        return failed(subject, message, proof, affected=(_unsigned(facts),), severity=Severity.CRITICAL)
    if not plain.code and plain.answered_signed:
        message = "Le serveur RADIUS ignore les demandes sans Message-Authenticator, et répond aux autres."
        return passed(subject, message, proof)
    if not plain.code:
        detail = "Le serveur ignore toute demande sans EAP, signée ou non : on ne voit pas s'il exige la signature."
        return not_assessed(subject, Gap(reason=Reason.UNSUPPORTED, detail=detail))
    if plain.signed:
        message = "Le serveur RADIUS signe ses réponses d'un Message-Authenticator, même à une demande qui n'en a pas."
        return passed(subject, message, proof)
    message = (
        "Le serveur RADIUS répond sans Message-Authenticator à une demande qui n'en a pas : entre la borne et lui, "
        "un refus peut être changé en acceptation (CVE-2024-3596). Les échanges EAP eux-mêmes sont signés."
    )
    return failed(subject, message, proof, affected=(_unsigned(facts),))


def login(facts: RadiusFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when the declared test account gets in, after the server proved who it is."""
    subject = place(facts)
    found = facts.login
    if found is None:
        detail = "Aucun compte de test n'est déclaré : la connexion n'a pas été essayée."
        return [not_assessed(subject, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))]
    if isinstance(found, Gap):
        return [not_assessed(subject, found)]
    how = f"{found.method}/{found.inner}" if found.inner else found.method
    proof = Evidence(value=_how_it_went(found), source=f"{found.program}, {how}, {count(found.requests, 'paquet')}")
    if found.success:
        knew = " Le serveur a prouvé qu'il connaît le mot de passe." if found.server_knew_password else ""
        message = f"Le compte de test se connecte en {how}, tunnel {found.tls or 'TLS'}, serveur vérifié.{knew}"
        return [passed(subject, message, proof)]
    affected = (Affected(id=f"login:{how}", label=how, detail=_how_it_went(found), kind="login"),)
    if found.certificate_error:
        message = (
            f"Le compte de test ne s'est pas connecté : le certificat du serveur ne convient pas "
            f"({found.certificate_error}). Le mot de passe n'a pas été envoyé."
        )
    elif found.server_knew_password is False:
        message = "Le serveur a accepté le compte de test sans prouver qu'il connaît son mot de passe : refusé."
    elif found.server_checked:
        message = f"Le serveur, vérifié, a refusé le compte de test en {how} (mot de passe, droits ou règle d'accès)."
    else:
        message = f"Le serveur n'a pas mené {how} jusqu'au tunnel : méthode refusée pour ce compte, ou TLS sans accord."
    return [failed(subject, message, proof, affected=affected)]


def shared_secret(facts: RadiusFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when the shared secret is long and drawn at random: RADIUS rests on it alone."""
    subject = place(facts)
    if facts.secret is None:
        detail = "La solidité du secret partagé n'est pas connue."
        return [not_assessed(subject, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))]
    length, bits = facts.secret.length, facts.secret.bits
    said = f"{count(length, 'caractère')}, {bits:.0f} bits estimés"
    proof = Evidence(value=said, source="secret partagé donné à cet outil, mesuré puis oublié")
    if length >= SECRET_LENGTH and bits >= SECRET_BITS:
        return [passed(subject, f"Le secret partagé est solide ({said}).", proof)]
    message = (
        f"Le secret partagé entre les bornes et le serveur RADIUS est trop faible : {said} (attendu : "
        f"{SECRET_LENGTH} caractères et {SECRET_BITS:.0f} bits). Qui le trouve peut se faire passer pour le serveur."
    )
    affected = (Affected(id=f"secret:{facts.server}", label=facts.server, detail=said, kind="secret"),)
    return [failed(subject, message, proof, affected=affected)]


# --- words -------------------------------------------------------------------------------------------------------


_ANSWERS = {
    OFFERED: "offerte",
    "refused": "refusée",
    "other": "non proposée",
    ACCEPTED: "accès accordé",
    UNKNOWN: "sans réponse",
}


def _answers(offers: Iterable[Offer]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            value=f"{one.method or 'identité inconnue'} : {_ANSWERS[one.answer]}",
            source="proposée d'emblée" if one.first else "demandée par un refus (Nak) de la méthode proposée",
        )
        for one in offers
    )


def _methods(offers: Iterable[Offer]) -> tuple[Affected, ...]:
    return tuple(
        Affected(id=f"eap:{one.method}", label=one.method, detail=WEAK[one.method], kind="method") for one in offers
    )


def _unsigned(facts: RadiusFacts) -> Affected:
    return Affected(
        id=f"radius:{facts.server}:{facts.port}",
        label=facts.server,
        detail="réponses sans Message-Authenticator",
        kind="unsigned",
        ref=f"{facts.server}:{facts.port}",
    )


def _how_it_went(found: LoginResult) -> str:
    if found.success:
        return "connexion réussie"
    return found.certificate_error or "connexion refusée"
