"""Networks that our equipment announces and what they are for."""

from __future__ import annotations

from collections.abc import Iterable

from checks.common.french import count, listed
from checks.model import Affected, Context, Gap, Judgement, Reason, failed, not_assessed, passed
from checks.wifi.controls.common import SITE, few, of_config, of_network
from checks.wifi.facts import WifiFacts
from checks.wifi.roles import Own, is_known, known_bssids, own_ssids


def declared_names(facts: WifiFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when each SSID of our equipment is declared with what it is for."""
    every = own_ssids(facts)
    if not facts.roles:
        return _nothing_declared(facts, every)
    forgotten = [one for one in every if one.ssid not in facts.roles]
    if forgotten:
        names = listed(f"« {one.ssid} »" for one in forgotten)
        settings = [of_config(item, f"« {one.ssid} »") for one in forgotten for item in one.configurations]
        radios = [of_network(item, f"« {one.ssid} »") for one in forgotten for item in one.networks]
        affected = tuple(
            Affected(
                id=f"ssid:{one.ssid}",
                label=f"« {one.ssid} »",
                detail="usage non déclaré",
                kind="undeclared",
                ref=one.ssid,
            )
            for one in forgotten
        )
        message = f"Vos bornes diffusent des réseaux dont personne n'a dit l'usage : {names}."
        return failed(SITE, message, *few([*settings, *radios]), affected=affected)
    seen = few(of_network(network, f"« {network.ssid} »") for one in every for network in one.networks)
    known = [of_config(item, f"« {item.ssid} »") for one in every for item in one.configurations]
    if not seen and not known:
        return _unknown("Aucun des réseaux déclarés n'a été vu ni trouvé dans un export.", Reason.UNREACHABLE)
    if doubt := _unseen(facts):
        return doubt
    number = count(len(every), "réseau Wi-Fi connu", "réseaux Wi-Fi connus")
    message = f"{number}, chacun avec son usage déclaré."
    return passed(SITE, message, *(seen or few(known)))


def _unseen(facts: WifiFacts) -> Judgement | None:
    """What could hide a forgotten network: no way to tell our equipment from a neighbour's, or a name never heard."""
    inventory = known_bssids(facts)
    if not inventory and not facts.configurations:
        detail = (
            "Sans la liste de vos bornes (access_points du profil de site) ni export, un réseau oublié ne se distingue "
            "pas de celui d'un voisin."
        )
        return _unknown(detail, Reason.NOT_CONFIGURED)
    masked = [one for one in facts.networks if not one.ssid and not one.mode and is_known(one, inventory)]
    if masked:
        radios = listed(one.bssid for one in masked)
        return _unknown(f"Vos bornes diffusent un réseau masqué dont le nom n'a pas été entendu ({radios}).")
    return None


def _nothing_declared(facts: WifiFacts, every: Iterable[Own]) -> Judgement:
    guessed = listed(f"« {one.ssid} »" for one in every)
    names = count(len({network.ssid for network in facts.networks if network.ssid}), "nom vu", "noms vus")
    detail = f"Aucun réseau n'est déclaré dans [wifi.ssids] du profil de site ({names})."
    if guessed:
        detail += f" Jugés d'après leur seul nom ou les exports : {guessed}."
    return _unknown(detail, Reason.NOT_CONFIGURED)


def _unknown(detail: str, reason: Reason = Reason.UNSUPPORTED) -> Judgement:
    return not_assessed(SITE, Gap(reason=reason, detail=detail))
