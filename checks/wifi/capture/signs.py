"""Signs of attacks as facts: which are believed, and how much."""

from __future__ import annotations

from collections.abc import Mapping

from checks.common.french import choose, count
from checks.wifi.capture.names import Pseudonyms, mac
from checks.wifi.capture.survey import Pair, Sign, Survey
from checks.wifi.facts import (
    CLEAR_DATA,
    CLEAR_FRAGMENT,
    DOUBTFUL,
    EAPOL_AGGREGATE,
    FORGED_MESSAGE,
    KEY_REINSTALLED,
    LIKELY,
    PROVEN,
    AttackSign,
    Network,
)

_KINDS = (KEY_REINSTALLED, FORGED_MESSAGE, CLEAR_FRAGMENT, EAPOL_AGGREGATE, CLEAR_DATA)
_SURE = 2
"""Numbers that came back: one may be a frame damaged on its way, two are not."""


def signs(survey: Survey, known: Mapping[str, Network], names: Pseudonyms) -> tuple[AttackSign, ...]:
    """Signs of attacks, KRACK first. Frames in clear mean nothing where no key was agreed, nor with WEP."""
    found = []
    for (pair, kind), sign in sorted(survey.signs.items(), key=lambda item: (_KINDS.index(item[0][1]), item[0][0])):
        if not _with_keys(pair, survey, known.get(mac(pair[0]))):
            continue
        certainty, reason = _judged(kind, sign, pair, survey)
        found.append(
            AttackSign(
                kind=kind,
                bssid=mac(pair[0]),
                client=names.station(pair[1]),
                frames=sign.frames,
                certainty=certainty,
                reason=reason,
                packets=tuple(sign.packets),
            )
        )
    return tuple(found)


def _with_keys(pair: Pair, survey: Survey, network: Network | None) -> bool:
    conversation = survey.conversations.get(pair)
    agreed = conversation is not None and bool(conversation.seen)
    return agreed or (network is not None and (network.rsn is not None or network.wpa is not None))


def _judged(kind: str, sign: Sign, pair: Pair, survey: Survey) -> tuple[str, str]:
    frames = count(sign.frames, "trame")
    if kind == KEY_REINSTALLED:
        certainty = PROVEN if sign.frames >= _SURE else LIKELY
        return certainty, (
            f"après un troisième message répété, {frames} de l'appareil avec un numéro déjà utilisé : "
            "il a remis en service une clé usée (KRACK)"
        )
    if kind == FORGED_MESSAGE:
        return LIKELY, (
            "un premier message glissé entre deux troisièmes du même échange de clés, ce qu'aucune borne ne fait : "
            "essai de clé effacée (KRACK)"
        )
    if kind == EAPOL_AGGREGATE:
        disguised = choose(sign.frames, "déguisée", "déguisées")
        return LIKELY, f"{frames} en clair {disguised} en échange de clés (FragAttacks, CVE-2020-26144)"
    if kind == CLEAR_FRAGMENT:
        return LIKELY, f"{frames} en morceaux et en clair au milieu d'échanges chiffrés (FragAttacks)"
    traffic = survey.traffic.get(pair)
    if traffic is None or traffic.clear >= traffic.protected:
        return DOUBTFUL, f"{frames} en clair, pas moins que de chiffrées : la capture a peut-être été déchiffrée"
    return LIKELY, f"{frames} en clair au milieu d'échanges chiffrés (FragAttacks, ou appareil défaillant)"
