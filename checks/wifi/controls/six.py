"""Rules of the 6 GHz band, as the Wi-Fi Alliance WPA3 specification sets them: WPA3 or OWE only, PMF required."""

from __future__ import annotations

from checks.common.french import listed
from checks.model import Context, Judgement, failed, not_applicable, passed
from checks.wifi.capture.suites import PSK, SAE
from checks.wifi.controls.common import (
    Offer,
    distinct,
    each_ssid,
    fault,
    few,
    generation,
    of_network,
    offers,
    unseen,
    unsure,
)
from checks.wifi.facts import PMF_REQUIRED, WPS_CONFIGURED, WPS_UNCONFIGURED, Network
from checks.wifi.roles import Own


@each_ssid()
def six_gigahertz(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every 6 GHz radio offers WPA3 or OWE only, with PMF required, hash to element and no WPS."""
    every = offers(own)
    if not every:
        return unseen(own)
    radios = [(network, offer) for network, offer in zip(own.networks, every, strict=False) if network.band == "6"]
    if not radios:
        if any(not network.band for network in own.networks) or not own.networks:
            return unsure(own, f"La bande des bornes de « {own.ssid} » n'est pas connue.")
        return not_applicable(own.ssid, f"« {own.ssid} » n'a pas été vu en 6 GHz.")
    faults = [(network, offer, told) for network, offer in radios if (told := _faults(network, offer))]
    if faults:
        said = listed(text for _, _, told in faults for text in told)
        return failed(
            own.ssid,
            f"En 6 GHz, « {own.ssid} » ne suit pas les règles de la bande : {said}.",
            *few(of_network(network, ", ".join(told)) for network, _, told in faults),
            affected=distinct(fault(offer, "six-ghz", ", ".join(told)) for _, offer, told in faults),
        )
    without_h2e = any(SAE in offer.families and network.sae_hash_to_element is None for network, offer in radios)
    if without_h2e or any(not offer.readable or offer.best_only or not offer.pmf for _, offer in radios):
        return unsure(own, f"La description de « {own.ssid} » en 6 GHz est incomplète.")
    seen = few(of_network(network) for network, _ in radios)
    return passed(own.ssid, f"« {own.ssid} » suit les règles de la bande 6 GHz.", *seen)


def _faults(network: Network, offer: Offer) -> list[str]:
    """What is seen and not allowed; what is not known is no fault."""
    told: list[str] = []
    if old := [word for word in offer.encryption.split("-") if word in ("open", "wep", "wpa")]:
        told.append(generation("-".join(old)))
    # FT-802.1X goes with 802.1X-SHA256 in WPA3: only the first 802.1X and the passwords of WPA2 are too old.
    if PSK in offer.families or "802.1X" in offer.akms:
        told.append("WPA2")
    if offer.pmf and offer.pmf != PMF_REQUIRED:
        told.append("PMF non obligatoire")
    if SAE in offer.families and network.sae_hash_to_element is False:
        told.append("SAE sans H2E")
    if network.wps in (WPS_CONFIGURED, WPS_UNCONFIGURED):
        told.append("WPS annoncé")
    return told
