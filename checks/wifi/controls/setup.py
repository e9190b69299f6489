"""WPS: joining the network with a button or a PIN of eight digits. Off is what ANSSI DAT-NT-005 (2013) asks."""

from __future__ import annotations

from checks.model import Affected, Context, Evidence, Judgement, Severity, failed, passed
from checks.wifi.controls.common import (
    details_of,
    distinct,
    each_ssid,
    few,
    of_config,
    of_network,
    offers,
    place,
    setting,
    unseen,
    unsure,
)
from checks.wifi.facts import EXPORT, WPS_ABSENT, WPS_CONFIGURED, WPS_UNCONFIGURED, Network, WlanConfig
from checks.wifi.roles import Own

_ON = (WPS_CONFIGURED, WPS_UNCONFIGURED)
_PIN = frozenset({"label", "display", "keypad"})
"""Ways that end in a PIN, which can be tried from a distance; a button must be pressed on the spot."""


@each_ssid()
def wps_off(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no radio announces WPS and no export enables it.

    A PIN method in a beacon is no proof that a PIN is accepted: the message says what is announced.
    """
    if not offers(own):
        return unseen(own)
    on = [network for network in own.networks if network.wps in _ON]
    enabled = [one for one in own.configurations if one.wps]
    seen = few([*(of_network(one, _described(one)) for one in on), *(of_config(one, "WPS activé") for one in enabled)])
    if on or enabled:
        affected = distinct([*(_radio(one) for one in on), *(setting(one, "wps", "WPS activé") for one in enabled)])
        reachable = [one for one in enabled if not _locked(own, one)]
        severity = None if reachable else min((_severity(one) for one in on), key=_rank, default=Severity.LOW)
        locked = all(one.locked for one in on) and not reachable
        message = f"« {own.ssid} » annonce WPS{', verrouillé' if locked else ''} : une autre façon d'entrer sans clé."
        return failed(own.ssid, message, *seen, affected=affected, severity=severity)
    told = [one for one in own.networks if one.wps == WPS_ABSENT and not one.incomplete]
    off = [one for one in own.configurations if one.wps is False]
    known = {one.bssid for one in told}
    silent = any(one.bssid not in known for one in own.networks if one.source != EXPORT)
    if silent or not (told or off) or (not told and len(off) < len(own.configurations)):
        return unsure(own, f"Les données fournies ne disent pas, ou pas partout, si WPS est actif sur « {own.ssid} ».")
    proof: list[Evidence] = [of_network(one, "WPS absent") for one in told]
    proof += [of_config(one, "WPS désactivé") for one in off]
    return passed(own.ssid, f"« {own.ssid} » n'annonce pas WPS.", *few(proof))


def _locked(own: Own, config: WlanConfig) -> bool:
    """The export says that setup by PIN from outside is refused."""
    details = details_of(own, config)
    return details is not None and details.wps_locked is True


def _rank(severity: Severity) -> int:
    return severity.rank


def _severity(network: Network) -> Severity:
    if network.locked:
        return Severity.LOW
    if network.wps_methods and not _PIN & set(network.wps_methods):
        return Severity.MEDIUM
    return Severity.HIGH


def _radio(network: Network) -> Affected:
    return Affected(
        id=network.bssid, label=place(network), detail=_described(network), kind="wps", ref=network.wps_device
    )


def _described(network: Network) -> str:
    methods = f", méthodes annoncées : {', '.join(network.wps_methods)}" if network.wps_methods else ""
    device = f", {network.wps_device}" if network.wps_device else ""
    return f"WPS {'verrouillé' if network.locked else 'ouvert'}{methods}{device}"
