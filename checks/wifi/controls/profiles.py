"""Connection profiles of stations: whom they believe before they hand over a password.

A station that checks neither the authority nor the name of the authentication server gives its user's password to
anybody who announces the same SSID (RFC 5216, 5.3).
"""

from __future__ import annotations

from checks.common.french import count
from checks.model import Affected, Context, Evidence, Judgement, Origin, Reason, failed, not_applicable, passed
from checks.wifi.controls.common import each_ssid, few, has_enterprise, offers, unseen, unsure
from checks.wifi.exports.clients import CA_NONE, ClientProfile, exposed_to_evil_twin
from checks.wifi.roles import Own


@each_ssid()
def server_checked(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every exported profile of the SSID checks the authority and the name of the server."""
    mine = [one for one in own.facts.clients if one.ssid == own.ssid]
    judged = [one for one in mine if exposed_to_evil_twin(one) is not None]
    exposed = [one for one in judged if exposed_to_evil_twin(one)]
    if exposed:
        number = count(len(exposed), "profil d'appareil croit", "profils d'appareils croient")
        affected = {item.id: item for item in map(_profile, exposed)}
        return failed(
            own.ssid,
            f"{number} n'importe quelle borne nommée « {own.ssid} » : une fausse se ferait passer pour la vôtre.",
            *few(_proof(one, _why(one)) for one in exposed),
            affected=tuple(affected.values()),
        )
    enterprise = [one for one in mine if one.enterprise is not False]
    if judged and len(judged) == len(enterprise):
        message = f"Les profils exportés vérifient le serveur d'authentification de « {own.ssid} »."
        return passed(own.ssid, message, *few(_proof(one, "autorité et nom du serveur imposés") for one in judged))
    if enterprise:
        return unsure(own, f"Des profils de « {own.ssid} » ne disent pas tous comment le serveur est vérifié.")
    return _no_profile(own)


def _no_profile(own: Own) -> Judgement:
    found = offers(own)
    if not found:
        return unseen(own)
    if not has_enterprise(own) and all(offer.entry_known for offer in found):
        return not_applicable(own.ssid, f"« {own.ssid} » n'utilise pas 802.1X.")
    detail = (
        f"Aucun profil d'appareil pour « {own.ssid} » : exporter celui d'un poste (netsh wlan export profile) "
        "ou d'une tablette et l'ajouter à export_files."
    )
    return unsure(own, detail, Reason.NOT_CONFIGURED)


def _why(profile: ClientProfile) -> str:
    if profile.ca == CA_NONE:
        return "autorité du serveur non vérifiée"
    return "l'utilisateur peut tout accepter" if profile.user_may_accept else "nom du serveur non vérifié"


def _profile(one: ClientProfile) -> Affected:
    return Affected(
        id=f"profile:{one.product}:{one.file}",
        label=f"profil {one.file}",
        detail=_why(one),
        kind="evil-twin",
        ref=one.file,
        line=one.line or None,
    )


def _proof(one: ClientProfile, value: str) -> Evidence:
    source = f"{one.file}, ligne {one.line}" if one.line else one.file
    methods = ", ".join((*one.eap, *one.inner))
    return Evidence(value=f"{methods} : {value}" if methods else value, source=source, origin=Origin.IMPORTED)
