"""A second opinion on frames that our own parser finds unusual, by scapy's full dissection.

scapy needs a thousand times longer than our reader for one frame, so it only sees a few of them, and only those where
two readings are worth comparing. It is optional (`pip install ausculte[wifi]`) and imported at the first such frame.
"""

from __future__ import annotations

from checks.common.text import clean
from checks.common.traceless import traceless

MAX_FRAMES = 20
MAX_BYTES = 4096
"""A management frame is shorter than 2,400 bytes."""


class SecondOpinion:
    """Dissects up to `MAX_FRAMES` frames; says why when it does not."""

    def __init__(self) -> None:
        self._left = MAX_FRAMES

    def __call__(self, frame: bytes) -> str:
        """What scapy sees in a frame that starts with its 802.11 header and has no checksum."""
        if self._left <= 0:
            return f"non demandé : déjà {MAX_FRAMES} trames relues"
        self._left -= 1
        return dissect(frame)


def dissect(frame: bytes) -> str:
    """One line: SSID, elements seen, key management read, and where dissection stopped."""
    try:
        with traceless():
            from scapy.layers.dot11 import Dot11, Dot11Elt, Dot11EltRSN
            from scapy.packet import Raw
    except ImportError:
        return "scapy n'est pas installé"
    try:
        packet = Dot11(frame[:MAX_BYTES])
        elements = []
        layer = packet.getlayer(Dot11Elt)
        while isinstance(layer, Dot11Elt):
            elements.append(layer)
            layer = layer.payload.getlayer(Dot11Elt)
        ssid = next((bytes(element.info) for element in elements if element.ID == 0), None)
        rsn = next((element for element in elements if isinstance(element, Dot11EltRSN)), None)
        akms = [f"{suite.oui:06x}:{suite.suite}" for suite in rsn.akm_suites] if rsn is not None else []
        rest = len(packet[Raw].load) if Raw in packet else 0
    except Exception as error:  # noqa: BLE001 - dozens of dissectors on foreign bytes: what they raise is their answer
        return f"scapy échoue ({type(error).__name__})"
    parts = [f"scapy : {len(elements)} éléments"]
    parts.append("pas de SSID" if ssid is None else f"SSID « {clean(ssid.decode('utf-8', 'backslashreplace'), 64)} »")
    parts.append(f"RSN AKM {', '.join(akms) or 'aucun'}" if rsn is not None else "pas de RSN")
    if rest:
        parts.append(f"{rest} octets non compris")
    return " ; ".join(parts)
