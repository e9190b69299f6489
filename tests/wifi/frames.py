"""Builds 802.11 frames and capture files for tests, from the standards and without the code under test."""

from __future__ import annotations

import struct
import zlib

AP, AP2, STA, STA2 = (bytes.fromhex(text) for text in ("001122000001", "001122000002", "0a5566000001", "005566000002"))
EVERYBODY = b"\xff" * 6
RADIOTAP, BARE, PRISM, PPI, AVS, ETHERNET = 127, 105, 119, 192, 163, 1
ANONCE, SNONCE, MIC = bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 16


def element(number, content=b""):
    return bytes([number, len(content)]) + content


def extension(number, content=b""):
    return element(255, bytes([number]) + content)


def vendor(oui_and_type, content=b""):
    return element(221, bytes.fromhex(oui_and_type) + content)


def selectors(numbers, oui="000fac"):
    chosen = b"".join(bytes.fromhex(oui) + bytes([number]) for number in numbers)
    return struct.pack("<H", len(numbers)) + chosen


def rsn_body(akms=(2,), pairwise=(4,), group=4, capabilities=0, pmkids=None, management=None):
    body = b"\x01\0" + bytes.fromhex("000fac") + bytes([group]) + selectors(pairwise) + selectors(akms)
    body += struct.pack("<H", capabilities)
    if pmkids is not None:
        body += struct.pack("<H", len(pmkids)) + b"".join(pmkids)
    if management is not None:
        body += bytes.fromhex("000fac") + bytes([management])
    return body


def rsn(*args, **kwargs):
    return element(48, rsn_body(*args, **kwargs))


def wpa(akms=(2,), pairwise=(2,), group=2):
    body = b"\x01\0" + bytes.fromhex("0050f2") + bytes([group])
    return vendor("0050f201", body + selectors(pairwise, "0050f2") + selectors(akms, "0050f2"))


def attribute(number, value):
    return struct.pack(">HH", number, len(value)) + value


def wps(state=2, locked=None, *more):
    body = attribute(0x104A, b"\x10") + attribute(0x1044, bytes([state]))
    body += attribute(0x1057, bytes([locked])) if locked is not None else b""
    return vendor("0050f204", body + b"".join(more))


def header(kind, receiver, sender, bssid, flags=0, sequence=0):
    return bytes([kind, flags]) + b"\0\0" + receiver + sender + bssid + struct.pack("<H", sequence << 4)


def management(kind, body, bssid=AP, receiver=EVERYBODY, sender=None, sequence=0, flags=0):
    return header(kind, receiver, sender or bssid, bssid, flags, sequence) + body


def beacon(ssid=b"Residents", *elements, bssid=AP, capability=0x11, channel=6, sequence=0, stamp=0, kind=0x80):
    body = struct.pack("<QHH", stamp, 100, capability) + (element(0, ssid) if ssid is not None else b"")
    body += element(1, b"\x82\x84\x8b\x96") + (element(3, bytes([channel])) if channel else b"") + b"".join(elements)
    return management(kind, body, bssid, sequence=sequence)


def response(*args, **kwargs):
    return beacon(*args, **kwargs, kind=0x50)


def probe(ssid, sender=STA):
    return management(0x40, element(0, ssid) + element(1, b"\x02\x04"), EVERYBODY, sender=sender)


def association(ssid, *elements, bssid=AP, sender=STA, again=False):
    fixed = struct.pack("<HH", 0x11, 10) + (bssid if again else b"")
    return management(0x20 if again else 0, fixed + element(0, ssid) + b"".join(elements), bssid, bssid, sender)


def deauthentication(bssid=AP, receiver=EVERYBODY, sender=None, reason=7, flags=0):
    return management(0xC0, struct.pack("<H", reason), bssid, receiver, sender, flags=flags)


SNAP = bytes.fromhex("aaaa03000000")


def data(payload, *, up=False, bssid=AP, station=STA, qos=False, protected=False, order=False, wds=False, snap=SNAP):
    """A data frame with this LLC content; `up` goes to the access point."""
    flags = (3 if wds else 1 if up else 2) | (0x40 if protected else 0) | (0x80 if order else 0)
    receiver, sender = (bssid, station) if up else (station, bssid)
    frame = header(0x88 if qos else 0x08, receiver, sender, bssid, flags)
    frame += station if wds else b""
    frame += b"\0\0" if qos else b""
    frame += b"\0\0\0\0" if order and qos else b""
    return frame + (snap + payload if snap else payload)


def eapol(kind, body, version=2):
    return b"\x88\x8e" + struct.pack(">BBH", version, kind, len(body)) + body


def key(number, *, replay=1, nonce=None, key_data=b"", descriptor=2, wpa_key=False, mic=None, secure=None, mic_size=16):
    """An EAPOL frame with one message of the pairwise handshake."""
    info = {1: 0x88, 2: 0x108, 3: 0x13C8, 4: 0x308}[number] | descriptor
    if wpa_key:
        info &= ~0x200
    if secure:
        info |= 0x200
    nonce = {1: ANONCE, 2: SNONCE, 3: ANONCE, 4: bytes(32)}[number] if nonce is None else nonce
    mic = (bytes(mic_size) if number == 1 else (MIC * 2)[:mic_size]) if mic is None else mic
    body = bytes([254 if wpa_key else 2]) + struct.pack(">HHQ", info, 16, replay) + nonce + bytes(16 + 8 + 8) + mic
    return eapol(3, body + struct.pack(">H", len(key_data)) + key_data)


def pmkid(value=bytes([9]) * 16):
    return vendor("000fac04", value)


def handshake(akm=2, *, numbers=(1, 2, 3, 4), key_data=b"", descriptor=2, bssid=AP, station=STA, chosen=None):
    """The frames of a handshake; the station chooses `akm`."""
    element_of_station = chosen if chosen is not None else rsn((akm,))
    content = {1: key_data, 2: element_of_station, 3: b"\xaa" * 24, 4: b""}
    replays = {1: 1, 2: 1, 3: 2, 4: 2}
    return [
        data(
            key(number, replay=replays[number], key_data=content[number], descriptor=descriptor),
            up=number in {2, 4},
            bssid=bssid,
            station=station,
        )
        for number in numbers
    ]


def eap(code, identifier, kind=None, content=b""):
    body = b"" if kind is None else bytes([kind]) + content
    return eapol(0, struct.pack(">BBH", code, identifier, 4 + len(body)) + body)


def radiotap(frame, *, flags=None, signal=None, frequency=None, fcs=None):
    """The frame with a radiotap header: TSFT, flags, rate, channel, signal."""
    present, fields = 1, struct.pack("<Q", 42)
    if flags is not None or fcs is not None:
        present |= 2
        fields += bytes([(flags or 0) | (0x10 if fcs else 0)])
    if frequency is not None:
        present |= 8
        fields += b"\0" * (len(fields) % 2) + struct.pack("<HH", frequency, 0x80)
    if signal is not None:
        present |= 32
        fields += struct.pack("b", signal)
    return struct.pack("<BBHI", 0, 0, 8 + len(fields), present) + fields + (with_fcs(frame) if fcs else frame)


def with_fcs(frame):
    return frame + struct.pack("<I", zlib.crc32(frame))


def pcap(packets, link=BARE, *, order="<", nano=False, seconds=None, snap=None):
    """A pcap file; packets are bytes. `snap` cuts them."""
    found = [struct.pack(f"{order}IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)]
    for number, packet in enumerate(packets):
        second = seconds[number] if seconds else 1_700_000_000 + number // 10
        kept = packet[:snap]
        found.append(struct.pack(f"{order}IIII", second, 0, len(kept), len(packet)) + kept)
    return b"".join(found)


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def section(order="<"):
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code, value, order="<"):
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(link=BARE, order="<", options=b"", snap=0):
    return block(1, struct.pack(f"{order}HHI", link, 0, snap) + options, order)


def enhanced(packet, *, number=0, stamp=1_700_000_000_000_000, order="<", original=None):
    size = len(packet) if original is None else original
    head = struct.pack(f"{order}IIIII", number, stamp >> 32, stamp & 0xFFFFFFFF, len(packet), size)
    return block(6, head + packet + bytes(-len(packet) % 4), order)
