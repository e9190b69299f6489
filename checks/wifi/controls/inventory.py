"""The table of networks: ours, what each offers, and the names around that are not known to be ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from checks.common.french import count, listed
from checks.model import (
    Affected,
    Context,
    Judgement,
    Level,
    Matrix,
    MatrixCell,
    Reason,
    Verdict,
    failed,
    passed,
)
from checks.wifi.capture.suites import ENTERPRISE, PSK, SAE
from checks.wifi.controls.common import PMF_WORDS, SITE, Offer, few, generation, of_config, of_network, offers, pmf_rank
from checks.wifi.facts import (
    PMF_CAPABLE,
    PMF_REQUIRED,
    WPS_ABSENT,
    WPS_CONFIGURED,
    WPS_UNCONFIGURED,
    Network,
    WifiFacts,
)
from checks.wifi.roles import INTERNAL, TITLES, Own, neighbours, own_ssids

FOREIGN_ROWS = 30
"""Names around that the table shows; the others are counted."""
COLUMNS = ("Usage", "Bornes", "Bandes", "Chiffrement", "Entrée", "PMF", "WPS", "VLAN", "Isolement")
_BLANK = MatrixCell()
_UNKNOWN = MatrixCell(text="?", level=Level.UNKNOWN, detail="Les données fournies ne le disent pas.")


def declared_names(facts: WifiFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when each SSID of our equipment is declared with what it is for; shows the table of all networks."""
    every = own_ssids(facts)
    table = networks_table(facts)
    if not facts.roles:
        return _nothing_declared(facts, every, table)
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
        return failed(SITE, message, *few([*settings, *radios]), affected=affected, exhibit=table)
    seen = few(of_network(network, f"« {network.ssid} »") for one in every for network in one.networks)
    known = [of_config(item, f"« {item.ssid} »") for one in every for item in one.configurations]
    if not seen and not known:
        return _unknown("Aucun des réseaux déclarés n'a été vu ni trouvé dans un export.", Reason.UNREACHABLE, table)
    number = count(len(every), "réseau Wi-Fi connu", "réseaux Wi-Fi connus")
    message = f"{number}, chacun avec son usage déclaré."
    return passed(SITE, message, *(seen or few(known)), exhibit=table)


def _nothing_declared(facts: WifiFacts, every: Iterable[Own], table: Matrix | None) -> Judgement:
    guessed = listed(f"« {one.ssid} »" for one in every)
    names = count(len({network.ssid for network in facts.networks if network.ssid}), "nom vu", "noms vus")
    detail = f"Aucun réseau n'est déclaré dans [wifi.ssids] du profil de site ({names})."
    if guessed:
        detail += f" Jugés d'après leur seul nom ou les exports : {guessed}."
    return _unknown(detail, Reason.NOT_CONFIGURED, table)


def _unknown(detail: str, reason: Reason, table: Matrix | None) -> Judgement:
    return Judgement(verdict=Verdict.NOT_ASSESSED, subject=SITE, message=detail, reason=str(reason), exhibit=table)


def networks_table(facts: WifiFacts) -> Matrix | None:
    """SSIDs by properties: ours first and judged by colour, then the names around, without colour. None when empty."""
    rows = [(one.ssid, _row(one)) for one in own_ssids(facts)]
    foreign: dict[str, list[Network]] = defaultdict(list)
    for network in neighbours(facts):
        foreign[network.ssid].append(network)
    rows += [(ssid or "(nom masqué)", _foreign(found)) for ssid, found in list(foreign.items())[:FOREIGN_ROWS]]
    if not rows:
        return None
    more = max(0, len(foreign) - FOREIGN_ROWS)
    hidden = f" {count(more, 'autre nom voisin', 'autres noms voisins')} sans ligne." if more else ""
    return Matrix(
        title="Réseaux Wi-Fi et leurs protections",
        rows=tuple(name for name, _ in rows),
        columns=COLUMNS,
        cells=tuple(cells for _, cells in rows),
        row_title="Réseau",
        column_title="Propriété",
        note=f"Un réseau voisin ou non déclaré est listé, jamais jugé.{hidden}",
    )


def _foreign(found: list[Network]) -> tuple[MatrixCell, ...]:
    """What is seen of somebody else's network, without opinion."""
    words = listed(generation(word) for word in dict.fromkeys(network.encryption for network in found))
    return (
        MatrixCell(text="voisin ou inconnu"),
        MatrixCell(text=str(len({network.bssid for network in found}))),
        MatrixCell(text=_bands(found)),
        MatrixCell(text=words),
        *(_BLANK,) * (len(COLUMNS) - 4),
    )


def _row(own: Own) -> tuple[MatrixCell, ...]:
    found = offers(own)
    radios = [network for network in (*own.networks, *own.strangers) if network.source != "export"]
    role = TITLES.get(own.role, "inconnu") + (" (déduit)" if own.guessed and own.role else "")
    unknown = f"{len(own.strangers)} hors inventaire" if own.strangers else ""
    return (
        MatrixCell(text=role, level=Level.NONE if own.role else Level.UNKNOWN),
        MatrixCell(
            text=str(len({network.bssid for network in radios})),
            level=Level.HIGH if own.strangers else Level.NONE,
            detail=unknown,
        ),
        MatrixCell(text=_bands(radios)) if radios else _BLANK,
        _encryption(own, found),
        _entry(found),
        _pmf(found),
        _wps(own),
        _vlan(own),
        _isolation(own),
    )


def _bands(found: Iterable[Network]) -> str:
    """`2,4 + 5` (GHz), lowest first."""
    return " + ".join(sorted({network.band for network in found if network.band})).replace(".", ",")


def _encryption(own: Own, found: Iterable[Offer]) -> MatrixCell:
    words = dict.fromkeys(word for offer in found for word in offer.encryption.split("-"))
    if not words or words.keys() & {"", "unknown"}:
        return _UNKNOWN
    text = " / ".join(generation(word) for word in words)
    if words.keys() & {"wep", "wpa"} or ("open" in words and own.role in INTERNAL):
        return MatrixCell(text=text, level=Level.CRITICAL, detail="N'importe qui peut entrer ou lire ce qui passe.")
    if "open" in words:
        return MatrixCell(text=text, level=Level.MEDIUM, detail="Ce qui passe peut être lu par tous.")
    return MatrixCell(text=text, level=Level.LOW if "wpa2" in words else Level.NONE)


def _entry(found: Iterable[Offer]) -> MatrixCell:
    """How one gets in."""
    every = list(found)
    families = {family for offer in every for family in offer.families}
    kinds = [
        title
        for title, present in (
            ("compte (802.1X)", ENTERPRISE in families),
            ("mot de passe", bool(families & {PSK, SAE})),
            ("libre", any(offer.words & {"open", "owe"} for offer in every)),
        )
        if present
    ]
    return MatrixCell(text=" / ".join(kinds)) if kinds else _UNKNOWN


def _pmf(found: Iterable[Offer]) -> MatrixCell:
    told = [offer.pmf for offer in found if offer.pmf and not offer.words <= {"open", "wep", "wpa"}]
    if not told:
        return _BLANK if all(offer.words <= {"open", "wep", "wpa"} for offer in found) else _UNKNOWN
    least = min(told, key=pmf_rank)
    level = {PMF_REQUIRED: Level.NONE, PMF_CAPABLE: Level.NONE}.get(least, Level.MEDIUM)
    return MatrixCell(text=PMF_WORDS.get(least, least), level=level)


def _wps(own: Own) -> MatrixCell:
    states = {network.wps for network in own.networks}
    if states & {WPS_CONFIGURED, WPS_UNCONFIGURED} or any(one.wps for one in own.configurations):
        return MatrixCell(text="actif", level=Level.HIGH, detail="Une autre façon d'entrer, sans le mot de passe.")
    off = any(one.wps is False for one in own.configurations)
    return MatrixCell(text="non") if states == {WPS_ABSENT} or (not states and off) else _UNKNOWN


def _vlan(own: Own) -> MatrixCell:
    numbers = sorted({one.vlan for one in own.configurations if one.vlan is not None})
    return MatrixCell(text=", ".join(str(number) for number in numbers)) if numbers else _UNKNOWN


def _isolation(own: Own) -> MatrixCell:
    if own.role in INTERNAL:
        return _BLANK
    told = {one.isolation for one in own.configurations} or {None}
    if False in told:
        return MatrixCell(text="non", level=Level.MEDIUM, detail="Les appareils se voient entre eux.")
    return _UNKNOWN if None in told else MatrixCell(text="oui")
