"""Facts of the Wi-Fi domain: networks, who talks to them, and how the keys were agreed.

Networks come from captures, scans or exports, and `source` says which. Stations are people's telephones: their
addresses and their EAP identities are replaced by a keyed hash whose key is not in the facts. Access points are
equipment, and keep theirs. A packet is named by its file and its number from 1, as Wireshark shows it.
"""

from __future__ import annotations

from collections.abc import Mapping

from checks.model import Gap, Record
from checks.wifi.certificate import EapCertificate
from checks.wifi.exports.clients import ClientProfile
from checks.wifi.exports.details import WlanDetails
from checks.wifi.inside.facts import InsideFacts
from checks.wifi.live.facts import LiveFacts
from checks.wifi.radius.facts import RadiusFacts

CAPTURE, SCAN, EXPORT = "capture", "scan", "export"
"""Sources of a network."""

PMF_NONE, PMF_CAPABLE, PMF_REQUIRED = "none", "capable", "required"
"""Protection of management frames (802.11w)."""

WPS_ABSENT, WPS_CONFIGURED, WPS_UNCONFIGURED, WPS_UNREADABLE = "absent", "configured", "unconfigured", "unreadable"
"""State that the access point announces for WPS."""

KEY_REINSTALLED, FORGED_MESSAGE = "key-reinstallation", "forged-message"
CLEAR_FRAGMENT, CLEAR_DATA, EAPOL_AGGREGATE = "clear-fragment", "clear-data", "eapol-aggregate"
"""Signs of KRACK, then of FragAttacks."""

PROVEN, LIKELY, DOUBTFUL = "proven", "likely", "doubtful"
"""How much the frames of a sign tell: nothing normal explains them; an attack or a faulty device; maybe neither."""


class Packet(Record, frozen=True, kw_only=True):
    """One packet that proves something."""

    file: str
    """Base name of the capture."""
    number: int
    """From 1."""

    def __str__(self) -> str:
        """As a reviewer looks for it."""
        return f"{self.file}, paquet {self.number}"


class CaptureFile(Record, frozen=True, kw_only=True):
    """One capture that was read."""

    name: str
    sha256: str
    """Of the file as it is stored, compressed or not."""
    size: int
    """Bytes, as stored."""
    format: str
    """`pcap`, `pcapng`, or empty when the container is not one of these."""
    compressed: bool = False
    links: tuple[str, ...] = ()
    """Kinds of link header, one per interface: `radiotap`, `ieee802.11`, `prism`, `ppi`, `ethernet`, `dlt-12`…"""
    frames: int
    cut: int = 0
    """Frames recorded shorter than they were (snap length)."""
    damaged: int = 0
    """Frames left out: bad checksum, header that does not hold together, shorter than any 802.11 frame."""
    unsupported: int = 0
    """Frames of a link type that is not read."""
    truncated: bool = False
    """The file ends in the middle of a record."""
    first: str = ""
    """UTC, ISO 8601, earliest packet."""
    last: str = ""
    """UTC, ISO 8601, latest packet."""
    out_of_order: bool = False
    """Some packet is older than one before it."""


class Unreadable(Record, frozen=True, kw_only=True):
    """Something seen and not understood. Never silently ignored."""

    what: str
    """One French sentence."""
    packet: Packet | None = None
    file: str = ""
    """When no packet is to blame."""
    second_opinion: str = ""
    """What scapy makes of the same bytes, or why it was not asked."""


class Suites(Record, frozen=True, kw_only=True):
    """What one RSN or WPA element offers."""

    akms: tuple[str, ...] = ()
    """Key management: `PSK`, `SAE`, `802.1X`…; the selector (`00-0F-AC:99`) when it has no known name."""
    pairwise: tuple[str, ...] = ()
    """Ciphers: `CCMP`, `TKIP`, `GCMP-256`…"""
    group: str = ""
    group_management: str = ""
    """Cipher of the group management frames; empty when the element does not name it."""
    pmf: str = PMF_NONE


class OweTransition(Record, frozen=True, kw_only=True):
    """The other half of an open network that also exists encrypted without password."""

    bssid: str
    ssid: str


class Neighbour(Record, frozen=True, kw_only=True):
    """A network that an access point announces besides its own (reduced neighbour report)."""

    bssid: str = ""
    """Empty when only a hash of the SSID is given."""
    short_ssid: str = ""
    """CRC-32 of the SSID, hexadecimal."""
    band: str = ""
    channel: int | None = None
    same_ssid: bool = False


class Sample(Record, frozen=True, kw_only=True):
    """What was received of one network during one period."""

    start: int
    """Seconds since 1970."""
    seconds: int
    frames: int
    """Beacons and probe responses."""
    mean: float | None = None
    """dBm; None when the capture does not record signal."""
    strongest: int | None = None
    """dBm."""


class Variant(Record, frozen=True, kw_only=True):
    """Another security or channel that the same BSSID announced: a change of settings, or an imitation."""

    encryption: str
    akms: tuple[str, ...] = ()
    pmf: str = PMF_NONE
    channel: int | None = None
    ssid: str = ""
    frames: int
    packet: Packet
    """The first."""


class Network(Record, frozen=True, kw_only=True):
    """One BSS: one access point radio with one SSID."""

    bssid: str
    """Lower case, with colons; the pseudonym is never used here."""
    ssid: str
    """Text; bytes that are not UTF-8 are written `\\xNN`. Empty when hidden and never seen."""
    hidden: bool
    """Its beacons do not carry the SSID."""
    akms: tuple[str, ...]
    """Every key management offered, RSN first, then what only RSN override or WPA elements offer."""
    pairwise: tuple[str, ...]
    group: str
    pmf: str
    """`none`, `capable` or `required`."""
    wps: str
    """`absent`, `configured`, `unconfigured` or `unreadable`."""
    locked: bool
    """The access point says that WPS setup is locked."""
    privacy: bool
    """Privacy bit of the capabilities."""
    encryption: str
    """`open`, `wep`, `wpa`, `wpa2`, `wpa3`, several joined (`wpa2-wpa3`), `owe`, `other` (no known key management),
    `unknown` (the element that would tell is damaged or was cut off)."""
    source: str
    """`capture`, `scan` or `export`."""
    ssid_hex: str = ""
    """Exact bytes, when the text does not give them back."""
    ssid_from: str = ""
    """Frame that gave the SSID: `beacon`, `probe response`, `association`, `multiple BSSID`, `owe transition`."""
    other_ssids: tuple[str, ...] = ()
    """Other SSIDs announced or answered by the same BSSID."""
    band: str = ""
    """`2.4`, `5`, `6` or `60` (GHz)."""
    channel: int | None = None
    rsn: Suites | None = None
    wpa: Suites | None = None
    override: Suites | None = None
    """RSN override elements, which only recent stations read: what an older one takes for plain WPA2 may be WPA3."""
    group_management: str = ""
    owe_transition: OweTransition | None = None
    wps_version: str = ""
    wps_methods: tuple[str, ...] = ()
    """Config methods announced: `display`, `label`, `push-button`, `keypad`…"""
    wps_device: str = ""
    """Maker and model announced by WPS."""
    vendor: str = ""
    """Maker, as an element of the access point tells it, else the owner of its block of addresses when the machine that
    collected has a list of them (`checks.common.oui`)."""
    oui: str = ""
    """First half of the BSSID; empty when it is locally administered, and tells nothing."""
    ap_name: str = ""
    country: str = ""
    mode: str = ""
    """`ad-hoc` or `mesh`; empty for an access point."""
    generation: str = ""
    """Newest PHY announced: `n`, `ac`, `ax`, `be`; empty for older."""
    sae_hash_to_element: bool | None = None
    """H2E accepted; None when the extension element is absent."""
    sae_pk: bool = False
    transition_disabled: bool | None = None
    """Known from exports only."""
    beacon_protection: bool = False
    multiple_bssid: str = ""
    """BSSID of the transmitting access point, for a BSS described in the beacon of another one."""
    neighbours: tuple[Neighbour, ...] = ()
    beacons: int = 0
    responses: int = 0
    """Probe responses."""
    strongest: int | None = None
    """dBm, best signal received."""
    mean: float | None = None
    """dBm."""
    samples: tuple[Sample, ...] = ()
    variants: tuple[Variant, ...] = ()
    incomplete: bool = False
    """Every description of it was cut short or damaged: what is not here may exist."""
    best_only: bool = False
    """The tool names only the strongest protection (`netsh`): the network may accept a weaker one beside it."""
    packet: Packet | None = None
    """First frame that describes it."""
    file: str = ""
    """Scan or export it comes from."""


class Association(Record, frozen=True, kw_only=True):
    """One station with one access point."""

    bssid: str
    client: str
    """Pseudonym of the station."""
    akm: str = ""
    """What the station really chose; empty when its request was not seen."""
    pairwise: str = ""
    pmf: str = ""
    """What the station said it can do; empty when its request was not seen."""
    ssid: str = ""
    """As the station asked for it."""
    protected: int = 0
    """Encrypted data frames between them."""
    clear: int = 0
    """Data frames in clear between them, key exchanges included."""
    random_address: bool = False
    """Address drawn at random by the station."""
    packet: Packet | None = None
    """The request, or the second message of the handshake, that shows the AKM."""


class Handshake(Record, frozen=True, kw_only=True):
    """Key messages between one access point and one station."""

    bssid: str
    client: str
    """Pseudonym of the station."""
    akm: str
    """Empty when nothing in the capture tells."""
    messages: tuple[int, ...]
    """Which of the four messages were captured, once each."""
    offline_attack: bool | None
    """What was captured is enough to try passwords without the network; None when the AKM is not known."""
    reason: str
    """Why, in French."""
    pmkid: bool = False
    """A PMKID of this exchange was captured."""
    exchanges: int = 1
    """Distinct handshakes (different nonces of the access point)."""
    retries: int = 0
    """Messages sent again, counted once above."""
    ssid: str = ""
    packets: tuple[Packet, ...] = ()
    """Messages that make the attack possible, else the first ones."""


class EapSession(Record, frozen=True, kw_only=True):
    """Authentications of one station with one access point (or switch)."""

    bssid: str
    """Authenticator."""
    client: str
    """Pseudonym of the station."""
    methods: tuple[str, ...]
    """Methods really started, in order: `PEAP`, `TTLS`, `TLS`, `LEAP`, `MD5`…"""
    identity_in_clear: bool
    """The station said who it is before any encryption (an anonymous identity does not count)."""
    identity_seen: bool | None = None
    """The capture holds what the station answered when asked who it is; None in facts that do not tell."""
    identity: str = ""
    """Pseudonym of the identity; empty when none was sent, or an anonymous one."""
    realm: str = ""
    """What follows `@` in the identity, in clear."""
    offered: tuple[str, ...] = ()
    """Methods the server proposed and the station refused."""
    wanted: tuple[str, ...] = ()
    """Methods the station asked for in its refusal."""
    tls: str = ""
    """Version the server chose."""
    certificate: EapCertificate | Gap | None = None
    """None when no TLS method was used."""
    client_certificate: bool = False
    """The station showed its own certificate before any encryption (TLS 1.2 and older): it names it, or its user."""
    outcome: str = ""
    """`success`, `failure`, or empty when the end was not captured."""
    packets: tuple[Packet, ...] = ()
    """First of the exchange, and the one that shows the identity."""


class Deauthentication(Record, frozen=True, kw_only=True):
    """Deauthentications and disassociations under the name of one BSSID."""

    bssid: str
    """A pseudonym when the frames put the address of a station there."""
    frames: int
    broadcast: int
    """Sent to everybody at once."""
    protected: int
    """Encrypted, as PMF wants."""
    targets: int
    """Stations aimed at or said to leave."""
    peak: int
    """Most frames in ten seconds."""
    reasons: tuple[int, ...] = ()
    """Reason codes in clear."""
    packet: Packet
    """The first."""


class ProbeLeak(Record, frozen=True, kw_only=True):
    """Networks that one station calls by name. Names of networks that are not here are only counted."""

    client: str
    """Pseudonym."""
    ssids: tuple[str, ...] = ()
    """Names of networks that the capture or the site profile also knows."""
    others: int = 0
    random_address: bool = False
    packet: Packet


class AttackSign(Record, frozen=True, kw_only=True):
    """Frames between one access point and one station that an attack on the protocol explains best."""

    kind: str
    """`key-reinstallation` or `forged-message` (KRACK); `clear-fragment`, `clear-data` or `eapol-aggregate`
    (FragAttacks)."""
    bssid: str
    client: str
    """Pseudonym of the station."""
    frames: int
    certainty: str
    """`proven`, `likely` or `doubtful`."""
    reason: str
    """What was seen, in French."""
    packets: tuple[Packet, ...] = ()
    """The first ones."""


class WlanConfig(Record, frozen=True, kw_only=True):
    """One SSID as its controller or access point is configured. Never its password."""

    ssid: str
    file: str
    product: str
    """Parser that read it: `hostapd`, `unifi`, `omada`…"""
    line: int = 0
    enabled: bool = True
    encryption: str = ""
    akms: tuple[str, ...] = ()
    pmf: str = ""
    psk_bits: float | None = None
    """Estimated strength of the password, in bits; None without a password in the export."""
    psk_length: int | None = None
    psk_group: str = ""
    """Same text, same password: shows one reused between SSIDs and tells nothing of it."""
    psk_changed: str = ""
    """ISO 8601 date of the last change, when the export knows."""
    enterprise: bool | None = None
    """802.1X."""
    vlan: int | None = None
    isolation: bool | None = None
    """Stations cannot reach one another."""
    portal: str | None = None
    """Captive portal: empty when there is none, else its kind; None when the export does not say."""
    wps: bool | None = None
    hidden: bool | None = None
    management: tuple[str, ...] | None = None
    """Administration services reachable from this SSID or on the device."""
    firmware: str = ""
    bssids: tuple[str, ...] = ()


class OutsideSignal(Record, frozen=True, kw_only=True):
    """One radio received outside the walls."""

    ssid: str
    bssid: str
    strongest: int | None = None
    """dBm; None when the tool gives no level."""
    file: str


class WifiFacts(Record, frozen=True, kw_only=True):
    """Everything known of the radio networks of a site."""

    networks: tuple[Network, ...]
    handshakes: tuple[Handshake, ...]
    eap: tuple[EapSession, ...]
    truncated: bool
    """Something was cut short: a file, frames, or a limit of this reader. What is absent may exist."""
    files: tuple[CaptureFile, ...] = ()
    associations: tuple[Association, ...] = ()
    deauthentications: tuple[Deauthentication, ...] = ()
    probes: tuple[ProbeLeak, ...] = ()
    attacks: tuple[AttackSign, ...] = ()
    """Signs of KRACK and FragAttacks."""
    configurations: tuple[WlanConfig, ...] = ()
    details: tuple[WlanDetails, ...] = ()
    """What some exports say more of these configurations."""
    clients: tuple[ClientProfile, ...] = ()
    """Connection profiles of stations."""
    unreadable: tuple[Unreadable, ...] = ()
    frames: Mapping[str, int] = {}
    """Frames by kind: `beacon`, `data`, `ack`…"""
    limits: tuple[str, ...] = ()
    """What this reading could not show, French sentences."""
    roles: Mapping[str, str] = {}
    """SSID to its role, as the site profile declares it: `pro`, `resident`, `guest`…"""
    declared_bssids: tuple[str, ...] = ()
    """Access points of the site, as declared."""
    outside: tuple[OutsideSignal, ...] | Gap | None = None
    """What was received outside the walls; None when nobody measured."""
    live: LiveFacts | None = None
    """How what was heard on the spot was obtained; None when nothing was asked for."""
    radius: tuple[RadiusFacts, ...] = ()
    """Authentication servers that were questioned."""
    inside: tuple[InsideFacts, ...] = ()
    """What a machine that joined each network could reach."""
