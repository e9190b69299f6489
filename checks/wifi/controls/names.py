"""Names: what an SSID tells a passer-by, and what hiding it costs.

No default nor identifying name: ANSSI DAT-NT-005 (2013). People must find the network meant for them: only what staff
uses must not say who lives or works here.
"""

from __future__ import annotations

import re

from checks.common.french import listed
from checks.model import Affected, Context, Evidence, Judgement, failed, passed
from checks.wifi.controls.common import each_ssid, few, of_config, of_network, offers, unseen, unsure
from checks.wifi.roles import INTERNAL, Own, words

# Names given by makers and operators before anybody chose one.
_DEFAULTS = (
    r"livebox[-_ ].*",
    r"freebox[-_ ].*",
    r"freewifi.*",
    r"bbox[-_ ].*",
    r"(sfr|neuf)[-_ ]?(wifi|box|[0-9a-f]{4}).*",
    r"numericable[-_ ].*",
    r"wanadoo[-_ ].*",
    r"(tp-?link|d-?link|netgear|linksys|asus|huawei|zyxel|tenda|belkin|cisco|buffalo|edimax)\d*([-_ ][\w.-]*)?",
    r"mikrotik-[0-9a-f]+",
    r"setmeup-.*",
    r"openwrt",
    r"unifi",
    r"ubnt",
    r"aruba",
    r"default|wireless|wifi|wlan|home|ap",
)
_DEFAULT = re.compile("|".join(f"(?:{pattern})" for pattern in _DEFAULTS), re.IGNORECASE)
_PLACE_WORDS = (
    "ehpad ehpa ime itep mas fam sessad esat savs samsah ssiad camsp cmpp",
    "foyer residence maison clinique hopital hospital dispensaire accueil",
)
_PLACES = frozenset(word for line in _PLACE_WORDS for word in line.split())
"""Words that say what the building is. `MAS` and the like are taken as whole words only."""


@each_ssid()
def own_name(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the name was chosen: the one of the box or of the maker tells which model to attack."""
    seen = _where(own)
    if _DEFAULT.fullmatch(own.ssid.strip()):
        message = f"« {own.ssid} » est un nom d'usine : il dit quel matériel est installé et qu'il n'a pas été réglé."
        return failed(own.ssid, message, *seen, affected=_named(own, "default-name", "nom d'usine"))
    return passed(own.ssid, f"« {own.ssid} » n'est pas un nom d'usine.", *seen)


@each_ssid(*INTERNAL)
def discreet_name(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the name of an internal network does not say what the building is."""
    told = sorted(words(own.ssid) & _PLACES)
    seen = _where(own)
    if told:
        message = f"« {own.ssid} » dit à tout passant quel établissement est derrière ({listed(told)})."
        return failed(own.ssid, message, *seen, affected=_named(own, "telling-name", ", ".join(told)))
    return passed(own.ssid, f"« {own.ssid} » ne dit pas quel établissement est derrière.", *seen)


@each_ssid()
def visible_name(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the name is announced: hiding it protects nothing, and makes stations call it everywhere."""
    if not offers(own):
        return unseen(own)
    hidden = [network for network in own.networks if network.hidden and not network.owe_transition]
    masked = [one for one in own.configurations if one.hidden]
    if hidden or masked:
        seen = few([*(of_network(n, "nom masqué") for n in hidden), *(of_config(c, "nom masqué") for c in masked)])
        message = f"« {own.ssid} » est masqué : ses appareils l'appellent par son nom partout où ils vont."
        return failed(own.ssid, message, *seen, affected=_named(own, "hidden", "nom masqué"))
    told = [network for network in own.networks if not network.hidden]
    shown = [one for one in own.configurations if one.hidden is False]
    if not told and not shown:
        return unsure(own, f"Les données fournies ne disent pas si « {own.ssid} » est masqué.")
    seen = few([*(of_network(n, "nom annoncé") for n in told), *(of_config(c, "nom annoncé") for c in shown)])
    return passed(own.ssid, f"« {own.ssid} » est annoncé normalement.", *seen)


def _where(own: Own) -> tuple[Evidence, ...]:
    """Where the name was seen; the profile when it was only declared."""
    found = [
        *(of_network(one, "annoncé") for one in own.networks),
        *(of_config(one, "réglé") for one in own.configurations),
    ]
    return few(found) or (Evidence(value=f"« {own.ssid} »", source="[wifi.ssids] du profil de site"),)


def _named(own: Own, kind: str, detail: str) -> tuple[Affected, ...]:
    return (Affected(id=f"ssid:{own.ssid}", label=f"« {own.ssid} »", detail=detail, kind=kind, ref=own.ssid),)
