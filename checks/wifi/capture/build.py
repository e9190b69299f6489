"""Turn what was gathered into facts: names for people, pseudonyms for stations, verdicts of the key exchanges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from checks.common.text import clean
from checks.wifi.capture.eap import Exchange, is_anonymous, realm_of
from checks.wifi.capture.elements import Description, Nested, Reported
from checks.wifi.capture.handshakes import Conversation, judge
from checks.wifi.capture.names import Pseudonyms, equipment, is_blank, is_random, mac, ssid_hex, ssid_text
from checks.wifi.capture.suites import ENTERPRISE, FAMILIES, encryption_of
from checks.wifi.capture.survey import Bss, Pair, Period, Survey, Variant
from checks.wifi.capture.wps import Wps
from checks.wifi.facts import (
    CAPTURE,
    PMF_NONE,
    WPS_ABSENT,
    Association,
    Deauthentication,
    EapSession,
    Handshake,
    Neighbour,
    Network,
    OweTransition,
    ProbeLeak,
    Sample,
    Suites,
)
from checks.wifi.facts import Variant as VariantFacts

KINDS = {
    0x00: "association request",
    0x10: "association response",
    0x20: "reassociation request",
    0x30: "reassociation response",
    0x40: "probe request",
    0x50: "probe response",
    0x60: "timing advertisement",
    0x80: "beacon",
    0x90: "atim",
    0xA0: "disassociation",
    0xB0: "authentication",
    0xC0: "deauthentication",
    0xD0: "action",
    0xE0: "action no ack",
    0x24: "trigger",
    0x54: "ndp announcement",
    0x74: "control wrapper",
    0x84: "block ack request",
    0x94: "block ack",
    0xA4: "ps-poll",
    0xB4: "rts",
    0xC4: "cts",
    0xD4: "ack",
    0xE4: "cf-end",
    0xF4: "cf-end ack",
    0x08: "data",
    0x48: "null",
    0x88: "qos data",
    0xC8: "qos null",
    0x0C: "dmg beacon",
}
"""First byte of the frame control field to the kind of frame."""

MAX_NEIGHBOURS = 64


def frame_counts(survey: Survey) -> dict[str, int]:
    """Frames by kind, most frequent first; kinds without a name are counted together."""
    counts: dict[str, int] = {}
    for kind, count in enumerate(survey.kinds):
        if count:
            name = KINDS.get(kind) or ("other data" if kind & 0x0F == 0x08 else "other")  # noqa: PLR2004
            counts[name] = counts.get(name, 0) + count
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def networks(survey: Survey) -> tuple[Network, ...]:
    """Every network, nested ones included, by BSSID."""
    found: dict[bytes, Network] = {}
    for address, bss in survey.networks.items():
        main, others = _main(bss)
        if main is not None:
            found[address] = _network(address, bss, main, others, survey.step)
    for address, bss in survey.networks.items():
        for variant in bss.variants.values():
            for nested in variant.description.nested:
                if nested.bssid not in found:
                    found[nested.bssid] = _nested(nested, address, variant, survey.step)
    return tuple(found[address] for address in sorted(found))


def _main(bss: Bss) -> tuple[Variant | None, list[Variant]]:
    """The settings that were announced most, whole ones first, and the others."""
    whole = {settings: variant for settings, variant in bss.variants.items() if not settings.damaged}
    candidates = sorted((whole or bss.variants).values(), key=lambda variant: -(variant.beacons + variant.responses))
    return (candidates[0], candidates[1:]) if candidates else (None, [])


def _network(address: bytes, bss: Bss, main: Variant, others: list[Variant], step: int) -> Network:
    told = main.description
    first, source = _name(bss)
    periods = _merged(bss.variants.values())
    return msgspec.structs.replace(
        _described(address, told, (bss.latest.get("probe response") or told).wps or told.wps, first),
        ssid_from=source,
        hidden=bss.blank and not bss.beacon_ssids,
        other_ssids=tuple(ssid_text(ssid) for ssid in bss.ssids if ssid != first),
        **_heard(periods, step),
        beacons=sum(variant.beacons for variant in bss.variants.values()),
        responses=sum(variant.responses for variant in bss.variants.values()),
        variants=tuple(_variant(variant) for variant in others),
        packet=main.packet,
    )


def _described(address: bytes, told: Description, wps: Wps | None, ssid: bytes) -> Network:
    """What the elements say, without what was counted."""
    rsn, wpa, override = told.rsn, told.wpa, told.override
    parts = [suites for suites in (rsn, override, wpa) if suites is not None]
    return Network(
        bssid=mac(address),
        ssid=ssid_text(ssid),
        ssid_hex=ssid_hex(ssid),
        hidden=False,
        akms=_once(akm for suites in parts for akm in suites.akms),
        pairwise=_once(cipher for suites in parts for cipher in suites.pairwise),
        group=parts[0].group if parts else "",
        group_management=parts[0].group_management if parts else "",
        pmf=parts[0].pmf if parts else PMF_NONE,
        rsn=rsn,
        wpa=wpa,
        override=override,
        privacy=told.privacy,
        encryption=_encryption(told),
        wps=wps.state if wps else WPS_ABSENT,
        locked=bool(wps and wps.locked),
        wps_version=wps.version if wps else "",
        wps_methods=wps.methods if wps else (),
        wps_device=clean(f"{wps.maker} {wps.model}".strip()) if wps else "",
        source=CAPTURE,
        band=told.band,
        channel=told.channel,
        owe_transition=_owe(told),
        vendor=told.vendor or (clean(wps.maker) if wps else ""),
        oui="" if is_random(address) else address[:3].hex(":"),
        ap_name=told.ap_name,
        country=told.country,
        mode=told.mode,
        generation=told.generation,
        sae_hash_to_element=told.hash_to_element,
        sae_pk=told.sae_pk,
        beacon_protection=told.beacon_protection,
        neighbours=tuple(_neighbour(reported) for reported in told.neighbours[:MAX_NEIGHBOURS]),
        incomplete=bool(told.left or told.damaged),
    )


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _encryption(told: Description) -> str:
    damaged = bool(told.damaged) or bool(told.left)
    return encryption_of(privacy=told.privacy, rsn=told.rsn, wpa=told.wpa, override=told.override, damaged=damaged)


def _heard(periods: Mapping[int, Period], step: int) -> dict[str, Any]:
    """Signal of a network: best, mean, and by period."""
    total = Period()
    for period in periods.values():
        total.add(period.count, period.heard, period.total, period.strongest)
    return {"strongest": total.strongest, "mean": _mean(total), "samples": _samples(periods, step)}


def _name(bss: Bss) -> tuple[bytes, str]:
    """The name of a network: of beacons first, then of what answers or joins it."""
    for source in ("beacon", "probe response", "association"):
        for ssid, where in bss.ssids.items():
            if where == source:
                return ssid, source
    return b"", ""


def _owe(told: Description) -> OweTransition | None:
    return OweTransition(bssid=mac(told.owe.bssid), ssid=ssid_text(told.owe.ssid)) if told.owe else None


def _nested(nested: Nested, transmitter: bytes, variant: Variant, step: int) -> Network:
    told = nested.description
    name = b"" if is_blank(told.ssid) else told.ssid or b""
    return msgspec.structs.replace(
        _described(nested.bssid, told, told.wps, name),
        ssid_from="multiple BSSID" if name else "",
        hidden=not name,
        multiple_bssid=mac(transmitter),
        beacons=variant.beacons,
        **_heard(variant.periods, step),
        packet=variant.packet,
    )


def _neighbour(reported: Reported) -> Neighbour:
    return Neighbour(
        bssid=mac(reported.bssid) if reported.bssid else "",
        short_ssid=reported.short_ssid[::-1].hex(),
        band=reported.band,
        channel=reported.channel or None,
        same_ssid=reported.same_ssid,
    )


def _variant(variant: Variant) -> VariantFacts:
    told = variant.description
    parts = [suites for suites in (told.rsn, told.override, told.wpa) if suites is not None]
    return VariantFacts(
        encryption=_encryption(told),
        akms=_once(akm for suites in parts for akm in suites.akms),
        pmf=parts[0].pmf if parts else PMF_NONE,
        channel=told.channel,
        ssid="" if is_blank(told.ssid) else ssid_text(told.ssid or b""),
        frames=variant.beacons + variant.responses,
        packet=variant.packet,
    )


def _merged(variants: Iterable[Variant]) -> dict[int, Period]:
    merged: dict[int, Period] = {}
    for variant in variants:
        for number, period in variant.periods.items():
            into = merged.setdefault(number, Period())
            into.add(period.count, period.heard, period.total, period.strongest)
    return merged


def _mean(period: Period) -> float | None:
    return round(period.total / period.heard, 1) if period.heard else None


def _samples(periods: Mapping[int, Period], step: int) -> tuple[Sample, ...]:
    return tuple(
        Sample(
            start=number * step,
            seconds=step,
            frames=period.count,
            mean=_mean(period),
            strongest=period.strongest,
        )
        for number, period in sorted(periods.items())
    )


def associations(survey: Survey, names: Pseudonyms) -> tuple[Association, ...]:
    """Stations with the access point they talk to; only those of a network that was seen, or that exchanged keys."""
    pairs = {pair for pair in survey.traffic if pair[0] in survey.networks}
    pairs |= set(survey.conversations) | set(survey.requests)
    found = []
    for pair in sorted(pairs):
        traffic = survey.traffic.get(pair)
        conversation = survey.conversations.get(pair)
        choice = conversation.choice if conversation else None
        found.append(
            Association(
                bssid=mac(pair[0]),
                client=names.station(pair[1]),
                akm=choice.akm if choice else "",
                pairwise=choice.pairwise if choice else "",
                pmf=choice.pmf if choice else "",
                ssid=ssid_text(survey.requests.get(pair, b"")),
                protected=traffic.protected if traffic else 0,
                clear=traffic.clear if traffic else 0,
                random_address=is_random(pair[1]),
                packet=conversation.choice_packet if conversation else None,
            )
        )
    return tuple(found)


def handshakes(survey: Survey, known: dict[str, Network], names: Pseudonyms) -> tuple[Handshake, ...]:
    """Every exchange of keys of which a message, or a PMKID, was captured."""
    found = []
    for pair, conversation in sorted(survey.conversations.items(), key=lambda item: item[0]):
        if not conversation.seen and not conversation.pmkids:
            continue
        network = known.get(mac(pair[0]))
        akm = _akm(conversation, network, eap=pair in survey.exchanges)
        verdict = judge(conversation, akm)
        found.append(
            Handshake(
                bssid=mac(pair[0]),
                client=names.station(pair[1]),
                akm=akm,
                messages=conversation.numbers,
                offline_attack=verdict.attackable,
                reason=verdict.reason,
                pmkid=bool(conversation.pmkids),
                exchanges=conversation.exchanges,
                retries=conversation.retries,
                ssid=network.ssid if network else "",
                packets=verdict.packets,
            )
        )
    return tuple(found)


def _akm(conversation: Conversation, network: Network | None, *, eap: bool) -> str:
    """The key management of an exchange: what the station said, else the only one that fits what was seen."""
    if conversation.choice:
        return conversation.choice.akm
    message = conversation.key_descriptor()
    if network is None or message is None:
        return ""
    suites: Suites | None = network.wpa if message.wpa else network.rsn
    fits = [akm for akm in (suites.akms if suites else ()) if _fits(akm, message.descriptor, eap=eap)]
    if network.override and not message.wpa:
        fits += [akm for akm in network.override.akms if _fits(akm, message.descriptor, eap=eap) and akm not in fits]
    return fits[0] if len(fits) == 1 else ""


def _fits(akm: str, descriptor: int, *, eap: bool) -> bool:
    """The key descriptor version goes with the AKM (IEEE Std 802.11-2024, 12.7.2), and EAP with 802.1X."""
    oldest = akm in {"PSK", "802.1X", "CCKM"}
    with_sha256 = akm in {"FT-802.1X", "FT-PSK", "802.1X-SHA256", "PSK-SHA256"}
    expected = {1, 2} if oldest else {3} if with_sha256 else {0}
    known = akm in FAMILIES
    return (descriptor in expected or not known) and (not eap or not known or FAMILIES[akm] == ENTERPRISE)


def sessions(survey: Survey, names: Pseudonyms) -> tuple[EapSession, ...]:
    """Every EAP authentication."""
    return tuple(
        _session(pair, exchange, names)
        for pair, exchange in sorted(survey.exchanges.items(), key=lambda item: item[0])
        if exchange.told
    )


def _session(pair: Pair, exchange: Exchange, names: Pseudonyms) -> EapSession:
    identity = exchange.identity or b""
    clear = not is_anonymous(identity)
    packets = dict.fromkeys(packet for packet in (exchange.first, exchange.identity_packet) if packet)
    return EapSession(
        bssid=equipment(pair[0]),
        client=names.station(pair[1]),
        methods=tuple(exchange.started),
        identity_in_clear=clear,
        identity_seen=exchange.identity is not None,
        identity=names.identity(identity) if clear else "",
        realm=realm_of(identity),
        offered=exchange.refused,
        wanted=tuple(exchange.wanted),
        tls=str(exchange.flight.version or ""),
        certificate=exchange.certificate(),
        client_certificate=bool(exchange.answer.chain),
        outcome=exchange.outcome,
        packets=tuple(packets),
    )


def deauthentications(survey: Survey, names: Pseudonyms) -> tuple[Deauthentication, ...]:
    """Deauthentications by BSSID, most first. A station that frames name in that place keeps its pseudonym."""
    stations = ({pair[1] for pair in survey.traffic} | set(survey.probes)) - set(survey.networks)
    found = [
        Deauthentication(
            bssid=names.station(address) if address in stations else mac(address),
            frames=flood.frames,
            broadcast=flood.broadcast,
            protected=flood.protected,
            targets=len(flood.targets),
            peak=flood.peak,
            reasons=tuple(sorted(flood.reasons)),
            packet=flood.packet,
        )
        for address, flood in survey.floods.items()
    ]
    return tuple(sorted(found, key=lambda flood: (-flood.frames, flood.bssid)))


def probes(survey: Survey, names: Pseudonyms, known: Collection[bytes]) -> tuple[ProbeLeak, ...]:
    """Names called by each station. A name that is not of a known network may say where someone lives: only counted."""
    found = []
    for address, called in sorted(survey.probes.items(), key=lambda item: item[0]):
        here = sorted(ssid for ssid in called.ssids if ssid in known)
        found.append(
            ProbeLeak(
                client=names.station(address),
                ssids=tuple(ssid_text(ssid) for ssid in here),
                others=len(called.ssids) - len(here),
                random_address=is_random(address),
                packet=called.packet,
            )
        )
    return tuple(found)
