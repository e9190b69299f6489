"""Signs of KRACK and FragAttacks in frames: what a passive capture can show, and nothing more.

KRACK (CVE-2017-13077): a third message sent again is normal, the access point repeats it while it waits for the fourth.
It becomes an attack that worked when the station, afterwards, uses again numbers that it had used with the same key:
the CCMP packet number of IEEE Std 802.11-2024, 12.5.3, never goes back. A first message between two third ones of the
same nonce is the variant against stations that clear their key: no access point goes back to it.

FragAttacks (CVE-2020-24586 to 24588, CVE-2020-26139 to 26147): frames in clear between an access point and a station
that have agreed on keys, fragments above all, and aggregates in clear whose first address is the header of an EAPOL
frame (CVE-2020-26144). What is not seen here: the aggregate bit changed in an encrypted frame, fragments of different
keys put together, keys reinstalled by TKIP, group keys or fast transition. All of them look like ordinary frames.
"""

# ruff: noqa: PLR2004 - the numbers are those of the standard
from __future__ import annotations

from zlib import crc32

from checks.wifi.capture.eapol import KeyMessage
from checks.wifi.capture.names import is_group
from checks.wifi.capture.survey import Pair, Survey
from checks.wifi.facts import CLEAR_DATA, CLEAR_FRAGMENT, EAPOL_AGGREGATE, FORGED_MESSAGE, KEY_REINSTALLED, Packet

MAX_NUMBERS = 256
"""Packet numbers remembered for one key: reinstalled, it starts again from the first ones."""
MAX_WATCHED = 2_000
"""Stations whose numbers are remembered at once."""
MAX_KEYED = 20_000
"""Directions that are known to be encrypted."""
WINDOW = 10
"""Seconds after a third message sent again during which numbers that come back are put down to it: later, the station
may have joined again without the capture seeing it."""
REORDER = 1024
"""Frames of one aggregate, at most, that may come in another order (IEEE Std 802.11be, block acknowledgement)."""
_TKIP_DESCRIPTOR = 1
_LLC = b"\xaa\xaa\x03"
_EAPOL_HEADERS = (b"\xaa\xaa\x03\x00\x00\x00\x88\x8e", b"\xaa\xaa\x03\x00\x00\xf8\x88\x8e")


class Key:
    """One pairwise key: how it was agreed, and the first numbers that the station used with it."""

    __slots__ = ("again", "again_second", "done", "forged", "highest", "nonce", "numbers", "replay", "reused")

    def __init__(self, nonce: bytes, replay: int) -> None:
        self.nonce = nonce
        self.replay = replay
        self.numbers: dict[int, tuple[int, int]] = {}
        """Number to sequence number and checksum of the frame that used it first."""
        self.highest = 0
        self.again: Packet | None = None
        """The third message sent again."""
        self.again_second = 0
        self.done = False
        """The station sent its fourth message."""
        self.forged: Packet | None = None
        """A first message after the third."""
        self.reused = 0


class Watch:
    """Looks at what concerns attacks in the frames of one file. Two captures of one exchange are not mixed up."""

    def __init__(self, file: str, survey: Survey) -> None:
        self._file = file
        self._survey = survey
        self._keys: dict[Pair, Key] = {}
        self.numbered: dict[bytes, Pair] = {}
        """Receiver and sender of encrypted frames whose numbers matter now."""
        self.keyed: set[bytes] = set()
        """Receiver and sender, in both directions, of pairs that encrypt."""

    def encrypted(self, receiver_and_sender: bytes) -> None:
        """Encrypted frames were seen in this direction: what follows in clear is not normal."""
        if len(self.keyed) < MAX_KEYED and not receiver_and_sender[0] & 1:
            self.keyed.add(receiver_and_sender)

    def joined(self, pair: Pair) -> None:
        """The station joins: it agrees on a new key, whose numbers start again."""
        self._keys.pop(pair, None)
        self.numbered.pop(pair[0] + pair[1], None)

    def message(self, pair: Pair, message: KeyMessage, packet: Packet, second: int) -> None:
        """Take one message of the pairwise handshake."""
        key = self._keys.get(pair)
        if message.number == 3:
            self.encrypted(pair[0] + pair[1])
            self.encrypted(pair[1] + pair[0])
            if key is None or key.nonce != message.nonce:
                self._start(pair, message)
            elif message.replay > key.replay:
                self._again(pair, key, message, packet, second)
        elif key is None:
            return
        elif message.number == 4:
            key.done = True
        elif message.number == 1 and (key.done or message.nonce != key.nonce):
            self.joined(pair)  # some access points draw one nonce for all their exchanges
        elif message.number == 1 and message.replay > key.replay:
            key.forged = packet
        elif message.number == 2 and message.replay > key.replay:
            self.joined(pair)

    def _start(self, pair: Pair, message: KeyMessage) -> None:
        if message.descriptor == _TKIP_DESCRIPTOR or is_group(pair[1]):
            return
        if len(self._keys) >= MAX_WATCHED:
            self.joined(next(iter(self._keys)))  # the oldest
        self._keys.pop(pair, None)
        self._keys[pair] = Key(message.nonce, message.replay)
        self.numbered[pair[0] + pair[1]] = pair

    def _again(self, pair: Pair, key: Key, message: KeyMessage, packet: Packet, second: int) -> None:
        key.replay = message.replay
        key.again, key.again_second = packet, second
        self.numbered[pair[0] + pair[1]] = pair
        if key.forged:
            self._survey.sign(pair, FORGED_MESSAGE, key.forged, packet)
            key.forged = None

    def number(self, data: bytes, start: int, end: int, number: int, second: int) -> None:
        """An encrypted frame of a station whose packet numbers matter; `number` is that of the packet in the file."""
        addresses = data[start + 4 : start + 16]
        pair = self.numbered[addresses]
        key = self._keys[pair]
        late = key.again is not None and not 0 <= second - key.again_second <= WINDOW
        full = key.again is None and len(key.numbers) >= MAX_NUMBERS
        if late or full:
            del self.numbered[addresses]
            return
        body = body_of(data, start)
        count = packet_number(data, body, end)
        if count is None:
            return
        count |= (data[body + 3] & 0xC0) << 48  # another key identifier is another key
        sequence = int.from_bytes(data[start + 22 : start + 24], "little") >> 4
        check = crc32(data[body + 8 : end])
        known = key.numbers.get(count)
        if key.again is None:
            if known is None:
                key.numbers[count] = sequence, check
                key.highest = max(key.highest, count)
        elif (known and known[0] != sequence and known[1] != check) or count + REORDER < key.highest:
            packet = Packet(file=self._file, number=number)
            self._survey.sign(pair, KEY_REINSTALLED, *((key.again,) if not key.reused else ()), packet)
            key.reused += 1

    def in_clear(self, data: bytes, start: int, end: int, number: int) -> None:
        """A data frame that is not encrypted, in a direction where frames are, and that is no key exchange."""
        control = data[start + 1]
        body = body_of(data, start)
        if control & 3 not in {1, 2} or end - body < 8:
            return
        if data[body + 3] & 0x3F == 0x20 and not data.startswith(_LLC, body):
            return  # the header of an encrypted frame: only its flag was lost
        fragment = bool(data[start + 22] & 0x0F or control & 0x04)
        aggregate = bool(data[start] & 0x80 and data[start + 24] & 0x80)
        if not (fragment or aggregate or data.find(_LLC, body, body + 8) >= 0):
            return
        kind = CLEAR_FRAGMENT if fragment else CLEAR_DATA
        self._survey.sign(_pair(data, start), kind, Packet(file=self._file, number=number))

    def aggregate(self, data: bytes, start: int, number: int) -> bool:
        """Tell whether a frame in clear is an aggregate whose first address is the header of an EAPOL frame."""
        if not data[start] & 0x80 or not data[start + 24] & 0x80 or data[start + 1] & 3 not in {1, 2}:
            return False
        if not data.startswith(_EAPOL_HEADERS, body_of(data, start)):
            return False
        self._survey.sign(_pair(data, start), EAPOL_AGGREGATE, Packet(file=self._file, number=number))
        return True


def packet_number(data: bytes, body: int, end: int) -> int | None:
    """Packet number of an encrypted frame; None when it is not CCMP nor GCMP."""
    if end - body < 8 or data[body + 2] or data[body + 3] & 0x3F != 0x20:
        return None
    return int.from_bytes(data[body : body + 2] + data[body + 4 : body + 8], "little")


def body_of(data: bytes, start: int) -> int:
    """Where the content of a data frame starts: after addresses, QoS and HT control."""
    kind, control = data[start], data[start + 1]
    length = 30 if control & 3 == 3 else 24
    if kind & 0x80:
        length += 6 if control & 0x80 else 2
    return start + length


def _pair(data: bytes, start: int) -> Pair:
    """Access point and station of a frame that goes from one to the other."""
    receiver, sender = data[start + 4 : start + 10], data[start + 10 : start + 16]
    return (receiver, sender) if data[start + 1] & 3 == 1 else (sender, receiver)
