"""What was captured of each key handshake, and whether passwords can be tried on it without the network.

A second message proves the password only with the nonce of the access point of the same exchange (messages 1 or 3 with
the right replay counter). The first message may carry a PMKID, enough alone. Both only matter for a shared password:
SAE and OWE derive a key that no guess can check offline, and 802.1X a random one.
"""

from __future__ import annotations

from typing import NamedTuple

from checks.wifi.capture.eapol import Choice, KeyMessage, choice_of, pmkid_of
from checks.wifi.capture.suites import ENTERPRISE, FAMILIES, OWE, PSK, SAE
from checks.wifi.facts import Packet

MAX_MESSAGES = 256
"""Distinct messages kept for one station; an exchange has four."""
MAX_APART = 5
"""Seconds between two messages of one exchange; access points give up after four retries of one second."""
MAX_PACKETS = 8
_NO_NONCE = bytes(32)


class Seen(NamedTuple):
    """One message, where it was captured, and when (second)."""

    message: KeyMessage
    packet: Packet
    second: int


class Verdict(NamedTuple):
    """Can passwords be tried offline: None when the AKM is not known."""

    attackable: bool | None
    reason: str
    packets: tuple[Packet, ...]


class Conversation:
    """Key messages between one access point and one station."""

    def __init__(self) -> None:
        self.seen: dict[KeyMessage, Seen] = {}
        self.retries = 0
        self.pmkids: dict[bytes, Packet] = {}
        self.choice: Choice | None = None
        self.choice_packet: Packet | None = None
        self.dropped = 0

    def add(self, message: KeyMessage, packet: Packet, second: int) -> None:
        """Take one message; the same bytes again are a retry."""
        if message in self.seen:
            self.retries += 1
            return
        if len(self.seen) >= MAX_MESSAGES:
            self.dropped += 1
            return
        self.seen[message] = Seen(message, packet, second)
        if message.number == 1:
            pmkid = pmkid_of(message.data)
            if pmkid and len(self.pmkids) < MAX_MESSAGES:
                self.pmkids.setdefault(pmkid, packet)
        elif message.number == 2 and self.choice is None:  # noqa: PLR2004
            self.choice = choice_of(message.data)
            self.choice_packet = packet if self.choice else None

    def add_request(self, choice: Choice | None, packet: Packet) -> None:
        """Take what an association request says: it is the choice of the station, and may carry a PMKID."""
        if choice is None:
            return
        self.choice, self.choice_packet = choice, packet
        if choice.pmkid and FAMILIES.get(choice.akm) == PSK:
            self.pmkids.setdefault(choice.pmkid, packet)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Which of the four messages were captured."""
        return tuple(sorted({message.number for message in self.seen}))

    @property
    def exchanges(self) -> int:
        """Distinct nonces of the access point; at least one."""
        return max(1, len({m.nonce for m in self.seen if m.number in {1, 3} and m.nonce != _NO_NONCE}))

    def proof(self) -> tuple[Seen, Seen] | None:
        """Two messages of one exchange that hold both nonces and a MIC."""
        for first in self.seen.values():
            for second in self.seen.values():
                if _pairs(first, second):
                    return first, second
        return None

    def key_descriptor(self) -> KeyMessage | None:
        """Any message, for what its header says of the AKM."""
        return next(iter(self.seen), None)


def _pairs(access_point: Seen, station: Seen) -> bool:
    ours, theirs = access_point.message, station.message
    gap = {(1, 2): 0, (3, 2): 1, (3, 4): 0, (1, 4): -1}.get((ours.number, theirs.number))
    return (
        gap is not None
        and ours.replay - theirs.replay == gap
        and abs(access_point.second - station.second) <= MAX_APART
        and _NO_NONCE not in {ours.nonce, theirs.nonce}
        and any(theirs.mic)
    )


_SAFE = {
    SAE: "SAE (WPA3) : l'échange capturé ne permet pas d'essayer des mots de passe hors ligne.",
    OWE: "OWE : il n'y a pas de mot de passe à chercher.",
    ENTERPRISE: "802.1X : la clé est propre à chaque connexion, il n'y a pas de mot de passe partagé à chercher.",
}


def judge(conversation: Conversation, akm: str) -> Verdict:
    """Can passwords be tried offline on what was captured, knowing the AKM (empty when it is not known)."""
    family = FAMILIES.get(akm)
    first = tuple(seen.packet for seen in conversation.seen.values())[:MAX_PACKETS]
    if family in _SAFE:
        return Verdict(False, _SAFE[family], first)
    proof = conversation.proof()
    pmkid = next(iter(conversation.pmkids.values()), None)
    if proof is None and pmkid is None:
        return Verdict(False, _nothing(conversation), first)
    packets = tuple(seen.packet for seen in proof) if proof else (pmkid,) if pmkid else ()
    what = _what(proof, pmkid)
    if family == PSK:
        return Verdict(True, f"{akm} : {what} ; le mot de passe peut être cherché hors ligne.", packets)
    known = f"gestion de clés « {akm} » inconnue" if akm else "rien dans la capture ne dit quelle gestion de clés"
    return Verdict(None, f"{what.capitalize()}, mais {known} : exposition indéterminée.", packets)


def _what(proof: tuple[Seen, Seen] | None, pmkid: Packet | None) -> str:
    parts = []
    if proof:
        parts.append(f"messages {proof[0].message.number} et {proof[1].message.number} d'un même échange")
    if pmkid:
        parts.append("PMKID")
    return " et ".join(parts) + " capturés" if proof else "PMKID capturé"


def _nothing(conversation: Conversation) -> str:
    numbers = conversation.numbers
    if not numbers:
        return "Aucun message d'échange de clés."
    listed = ", ".join(str(number) for number in numbers)
    noun = "Messages" if len(numbers) > 1 else "Message"
    return f"{noun} {listed} sans couple d'un même échange ni PMKID : rien à attaquer hors ligne dans cette capture."
