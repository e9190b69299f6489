"""What the controls share: one judgement per SSID of the establishment, what is offered on it, what is missing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from checks.common.french import count
from checks.model import Affected, Context, Evidence, Gap, Judgement, Origin, Reason, not_applicable, not_assessed
from checks.wifi.capture.suites import ENTERPRISE, FAMILIES, OTHER, PSK, SAE
from checks.wifi.exports.details import WlanDetails
from checks.wifi.facts import CAPTURE, EXPORT, PMF_CAPABLE, PMF_NONE, PMF_REQUIRED, Network, Packet, WifiFacts
from checks.wifi.facts import WlanConfig as Config
from checks.wifi.roles import TITLES, Own, own_ssids

Judge = Callable[[Own, Context], Judgement]
Control = Callable[[WifiFacts, Context], list[Judgement]]

SITE = "site"
"""Subject of a judgement about the whole establishment."""
SHOWN = 5
"""Pieces of evidence of one judgement."""
PMF_ORDER = ("", PMF_NONE, PMF_CAPABLE, PMF_REQUIRED)
"""Weakest first; an empty text is not known."""
WORDS = {
    "open": "ouvert, sans chiffrement",
    "wep": "WEP",
    "wpa": "WPA",
    "wpa2": "WPA2",
    "wpa3": "WPA3",
    "owe": "OWE (chiffré sans mot de passe)",
    "other": "gestion de clés inconnue",
    "unknown": "chiffrement illisible",
    "": "chiffrement inconnu",
}
PMF_WORDS = {"": "PMF inconnu", PMF_NONE: "sans PMF", PMF_CAPABLE: "PMF possible", PMF_REQUIRED: "PMF obligatoire"}
_BANDS = {"2.4": "2,4 GHz", "5": "5 GHz", "6": "6 GHz", "60": "60 GHz"}


class Offer(NamedTuple):
    """One way into an SSID: a radio that announces it, or the setting that an export holds."""

    id: str
    """BSSID, or the product of the export."""
    label: str
    encryption: str
    akms: tuple[str, ...]
    ciphers: tuple[str, ...] | None
    """Pairwise and group; None when the source does not tell."""
    pmf: str
    """Best protection a recent station gets; empty when not known."""
    band: str
    incomplete: bool
    evidence: Evidence
    best_only: bool = False
    """Only the strongest protection is known."""

    @property
    def words(self) -> frozenset[str]:
        """Generations of encryption, as `wpa2` and `wpa3`."""
        return frozenset(self.encryption.split("-"))

    @property
    def families(self) -> frozenset[str]:
        """Families of key management."""
        return frozenset(FAMILIES.get(name, OTHER) for name in self.akms)

    @property
    def readable(self) -> bool:
        """The encryption is known and nothing was cut off."""
        return not self.incomplete and not self.words & {"", "unknown", "other"}

    @property
    def entry_known(self) -> bool:
        """It is known how one gets in: freely, with a shared password, or with an account."""
        return self.readable and (bool(self.akms) or self.words <= {"open", "owe", "wep"})


# --- One judgement per SSID


def each_ssid(*roles: str) -> Callable[[Judge], Control]:
    """Make a control out of a function that judges one SSID; only those of the given roles when there are some.

    No SSID of the establishment is known: one row says so. None has the role: not applicable when the profile
    declares them all, else not assessed.
    """

    def make(judge: Judge) -> Control:
        @functools.wraps(judge)
        def control(facts: WifiFacts, context: Context) -> list[Judgement]:
            every = own_ssids(facts)
            chosen = [one for one in every if not roles or one.role in roles]
            if not chosen:
                return [_nobody(facts, every, roles)]
            return [_with_doubt(one, judge(one, context)) for one in chosen]

        return control

    return make


def _nobody(facts: WifiFacts, every: Iterable[Own], roles: Iterable[str]) -> Judgement:
    names = " ou ".join(TITLES[role] for role in roles)
    if facts.roles and all(one.role for one in every):
        return not_applicable(SITE, f"Aucun réseau Wi-Fi déclaré n'est de rôle « {names} ».")
    what = f"de rôle « {names} »" if names else "de l'établissement"
    seen = count(len({network.ssid for network in facts.networks}), "réseau vu", "réseaux vus")
    detail = (
        f"Aucun SSID {what} n'est connu ({seen}) : le déclarer dans [wifi.ssids] du profil de site. "
        "Un réseau non déclaré est peut-être celui d'un voisin : il n'est pas jugé."
    )
    return not_assessed(SITE, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))


def _with_doubt(own: Own, judgement: Judgement) -> Judgement:
    """Say beside the evidence that the role was guessed."""
    if not own.guessed:
        return judgement
    role = f"rôle « {TITLES[own.role]} » déduit du nom" if own.role else "rôle inconnu"
    said = Evidence(value=f"« {own.ssid} » : {role}, non déclaré", source="[wifi.ssids] du profil de site")
    return msgspec.structs.replace(judgement, evidence=(*judgement.evidence, said))


# --- What is missing


def unsure(own: Own, detail: str, reason: Reason = Reason.UNSUPPORTED) -> Judgement:
    """The data does not tell."""
    return not_assessed(own.ssid, Gap(reason=reason, detail=detail))


def unseen(own: Own) -> Judgement:
    """Nothing describes this SSID."""
    if own.strangers:
        detail = (
            f"« {own.ssid} » n'est émis que par des bornes absentes de l'inventaire déclaré : "
            "ses réglages ne sont pas jugés sur elles."
        )
        return unsure(own, detail, Reason.NOT_CONFIGURED)
    facts = own.facts
    if not (facts.networks or facts.files or facts.configurations):
        steps = (facts.live.scan, facts.live.capture) if facts.live else ()
        if gap := next((step.gap for step in steps if step and step.gap), None):
            return unsure(own, f"Aucun réseau n'a été entendu : {gap.detail}", gap.reason)
        return unsure(own, "Aucune capture, aucun relevé ni aucun export n'a été fourni.", Reason.NOT_CONFIGURED)
    detail = f"« {own.ssid} » n'apparaît dans aucune capture, aucun relevé ni aucun export fourni."
    return unsure(own, detail, Reason.UNREACHABLE)


def no_export(own: Own, what: str) -> Judgement:
    """Only an export of the access points or of their controller could tell."""
    detail = f"{what} de « {own.ssid} » ne se voit pas depuis les ondes : fournir l'export des bornes (export_files)."
    if own.configurations:
        detail = f"L'export fourni ne dit rien : {what[0].lower()}{what[1:]} de « {own.ssid} » n'y figure pas."
    return unsure(own, detail, Reason.UNSUPPORTED if own.configurations else Reason.NOT_CONFIGURED)


def no_capture(own: Own, what: str) -> Judgement:
    """Only a capture of the air could tell."""
    detail = f"{what} ne se voit que dans une capture radio où « {own.ssid} » est reçu (capture_files)."
    return unsure(own, detail, Reason.NOT_CONFIGURED)


def only_best(own: Own) -> Judgement | None:
    """Not assessed when nothing but `netsh` describes some radio: it may accept something weaker than what it names."""
    if any(one.encryption for one in own.configurations):
        return None
    whole = {network.bssid for network in own.networks if not network.best_only}
    if all(network.bssid in whole for network in own.networks if network.best_only):
        return None
    detail = (
        f"Windows (netsh) ne montre que la protection la plus forte de « {own.ssid} » : une plus faible est peut-être "
        "acceptée à côté. Une capture, un relevé Linux (iw) ou l'export des bornes le dirait."
    )
    return unsure(own, detail)


def silent_radios(found: Iterable[Offer], tells: Callable[[Offer], bool]) -> list[Offer]:
    """Ways in that no source describes enough: a setting speaks for every radio, else each radio must tell."""
    every = list(found)
    radios = [offer for offer in every if not offer.id.startswith("export:")]
    settings = [offer for offer in every if offer.id.startswith("export:")]
    if any(tells(offer) for offer in settings) and all(tells(offer) for offer in settings if not radios):
        return []
    told = {offer.id for offer in radios if tells(offer)}
    return [offer for offer in radios or settings if offer.id not in told and not tells(offer)]


def captured(own: Own) -> bool:
    """A capture, not only a scan or an export, holds this SSID."""
    return any(network.source == CAPTURE for network in own.networks)


def bssids(own: Own) -> frozenset[str]:
    """Radios of this SSID."""
    return frozenset(network.bssid for network in own.networks)


# --- What is offered


def offers(own: Own) -> tuple[Offer, ...]:
    """Every way into the SSID, radios first."""
    return tuple(_of_network(one) for one in own.networks) + tuple(
        _of_config(one, details_of(own, one)) for one in own.configurations
    )


def protections(own: Own) -> frozenset[str]:
    """Families of key management that the SSID offers anywhere."""
    return frozenset(family for offer in offers(own) for family in offer.families)


def has_password(own: Own) -> bool:
    """Stations enter with a shared password."""
    return bool(protections(own) & {PSK, SAE}) or any(one.psk_group for one in own.configurations)


def has_enterprise(own: Own) -> bool:
    """Stations authenticate one by one."""
    return ENTERPRISE in protections(own) or any(one.enterprise for one in own.configurations)


def all_open(own: Own) -> bool:
    """Every way in is known, and has neither password nor authentication."""
    found = offers(own)
    return bool(found) and all(offer.readable and offer.words <= {"open", "owe"} for offer in found)


def _of_network(network: Network) -> Offer:
    override = network.override.pmf if network.override else ""
    ciphers = tuple(dict.fromkeys((*network.pairwise, *((network.group,) if network.group else ()))))
    told = bool(ciphers) or network.source == CAPTURE
    return Offer(
        id=network.bssid or f"export:{network.file}",
        label=place(network),
        encryption=network.encryption,
        akms=network.akms,
        ciphers=ciphers if told else None,
        pmf=max(network.pmf, override, key=pmf_rank),
        band=network.band,
        incomplete=network.incomplete,
        evidence=of_network(network),
        best_only=network.best_only,
    )


def pmf_rank(pmf: str) -> int:
    """0 when it is not known, 3 when it is required."""
    return PMF_ORDER.index(pmf) if pmf in PMF_ORDER else 0


def details_of(own: Own, config: Config) -> WlanDetails | None:
    """What the same export says more of a setting."""
    wanted = (config.ssid, config.file, config.line)
    return next((one for one in own.facts.details if (one.ssid, one.file, one.line) == wanted), None)


def _of_config(config: Config, details: WlanDetails | None) -> Offer:
    ciphers = (*details.pairwise, *((details.group,) if details.group else ())) if details else ()
    return Offer(
        id=f"export:{config.product}",
        label=f"réglage {config.product}{f' « {details.profile} »' if details and details.profile else ''}",
        encryption=config.encryption,
        akms=_akms(config),
        ciphers=tuple(dict.fromkeys(ciphers)) or None,
        pmf=config.pmf,
        band="",
        incomplete=False,
        evidence=of_config(config, describe(config.encryption, config.akms, config.pmf)),
    )


def _akms(config: Config) -> tuple[str, ...]:
    """Key management of a setting; some exports only say whether it asks for an account."""
    if config.akms or config.enterprise is None or "wpa2" not in config.encryption.split("-"):
        return config.akms
    return ("802.1X",) if config.enterprise else ("PSK",)


def describe(encryption: str, akms: Iterable[str], pmf: str) -> str:
    """`WPA2 et WPA3 (PSK, SAE), PMF possible`."""
    names = ", ".join(akms)
    return f"{generation(encryption)}{f' ({names})' if names else ''}, {PMF_WORDS.get(pmf, pmf)}"


def generation(encryption: str) -> str:
    """`WPA2 et WPA3` for `wpa2-wpa3`."""
    return " et ".join(WORDS.get(word, word) for word in encryption.split("-"))


def place(network: Network) -> str:
    """`00:11:22:33:44:50 (5 GHz, canal 36)`."""
    channel = f"canal {network.channel}" if network.channel else ""
    where = ", ".join(part for part in (_BANDS.get(network.band, network.band), channel) if part)
    name = network.bssid or network.file
    return f"{name} ({where})" if where else name


# --- Evidence and affected objects


def of_network(network: Network, value: str = "") -> Evidence:
    """What one radio announces, and the frame or file that shows it."""
    text = value or describe(network.encryption, network.akms, network.pmf)
    if network.override and not value:
        text += f" ; en surcharge RSN : {', '.join(network.override.akms)}, {PMF_WORDS[network.override.pmf]}"
    source = str(network.packet) if network.packet else network.file
    origin = Origin.IMPORTED if network.source == EXPORT else Origin.OBSERVED
    return Evidence(value=f"{place(network)} : {text}", source=source or network.source, origin=origin)


def of_config(config: Config, value: str) -> Evidence:
    """What an export says."""
    source = f"{config.file}, ligne {config.line}" if config.line else config.file
    return Evidence(value=value, source=source, origin=Origin.IMPORTED)


def of_packets(value: str, packets: Iterable[Packet]) -> Evidence:
    """What packets show."""
    return Evidence(value=value, source=" ; ".join(str(packet) for packet in packets) or "capture")


def of_facts(facts: WifiFacts, value: str) -> Evidence:
    """What all captures together show, or do not."""
    names = ", ".join(file.name for file in facts.files[:SHOWN])
    return Evidence(value=value, source=names or "captures")


def few(found: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The first pieces of evidence, and how many more there are."""
    every = list(dict.fromkeys(found))
    if len(every) <= SHOWN:
        return tuple(every)
    more = count(len(every) - SHOWN, "autre observation semblable", "autres observations semblables")
    return (*every[:SHOWN], Evidence(value=f"et {more}", source=every[SHOWN].source, origin=every[SHOWN].origin))


def fault(offer: Offer, kind: str, detail: str) -> Affected:
    """Point at a radio, or at a setting of an export."""
    return Affected(id=offer.id, label=offer.label, detail=detail, kind=kind, ref=offer.id)


def setting(config: Config, kind: str, detail: str) -> Affected:
    """Point at an SSID in an export."""
    return Affected(
        id=f"export:{config.product}",
        label=f"réglage {config.product}",
        detail=detail,
        kind=kind,
        ref=config.ssid,
        line=config.line or None,
    )


def station(client: str, kind: str, detail: str, where: str = "") -> Affected:
    """Point at a station, by its pseudonym."""
    return Affected(id=f"{client}@{where}", label=f"appareil {client}", detail=detail, kind=kind, ref=client)


def distinct(found: Iterable[Affected]) -> tuple[Affected, ...]:
    """One entry per identity, in order."""
    kept: dict[str, Affected] = {}
    for item in found:
        kept.setdefault(item.id, item)
    return tuple(kept.values())


# --- Declared answers


def declared(question: str, value: str) -> Evidence:
    """What somebody answered."""
    return Evidence(value=value, source=f"[questions] {question}", origin=Origin.DECLARED)


def unset(question: str, what: str) -> Judgement:
    """Nobody answered yet."""
    end = "" if what.endswith("?") else "."
    detail = f"Répondre à « {question} » dans [questions] du profil de site : {what}{end}"
    return not_assessed(SITE, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))
