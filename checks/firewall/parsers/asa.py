"""Cisco ASA (and PIX): the output of `show running-config`, `show access-list` included when it is in the file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from checks.firewall.facts import Device
from checks.firewall.parsers.asa_blocks import read_blocks, version_of
from checks.firewall.parsers.asa_config import Config
from checks.firewall.parsers.asa_nat import Translations
from checks.firewall.parsers.asa_objects import Tables
from checks.firewall.parsers.asa_policy import Policy
from checks.firewall.parsers.asa_system import accounts, interfaces, vpns
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.source import ParseError, SourceFile
from checks.model import Gap, Reason

TITLE = "Cisco ASA"
TOGETHER = False

_SIGNS = re.compile(
    r"(?m)^(?:(?:ASA|PIX|FWSM|NGFW) Version \d"
    r"|access-list \S+ (?:line \d+ )?(?:extended|advanced) (?:permit|deny|trust)\b"
    r"|access-group \S+ (?:in interface \S+|out interface \S+|global)\s*$"
    r"|object-group (?:network|service|protocol|icmp-type) \S)"
)
_REAL_ADDRESSES = (8, 3)
_ONE_LIST = (9, 0)

_LIMITS = (
    (
        "Les compteurs de règles ne sont pas dans la configuration : ajouter au fichier la sortie de "
        "« show access-list » pour les étudier ; l'appareil ne date pas leur remise à zéro."
    ),
    "Les listes téléchargées par utilisateur et les filtres de groupe du VPN ne sont pas étudiés.",
)


def recognise(file: SourceFile) -> bool:
    """A Cisco ASA configuration, or access lists in its syntax."""
    return _SIGNS.search(file.head) is not None


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """One firewall per file. Raises `ParseError`."""
    return tuple(_device(file) for file in files)


def _device(file: SourceFile) -> Device:
    if re.search(r"(?m)^NGFW Version ", file.head):
        raise ParseError(
            "cet export vient d'un Cisco Firepower (FTD) : ses règles sont dans la console d'administration, pas ici",
            file.name,
        )
    builder = DeviceBuilder("asa", (file,))
    shown, version = version_of(file)
    tables = Tables(builder, version)
    config = Config(builder, tables)
    config.read(read_blocks(file))
    policy = Policy(config, file, split=version is not None and version < _ONE_LIST)
    chains = policy.chains()
    nat = Translations(config).rules()
    tables.publish()
    administrators, users = accounts(config)
    return builder.build(
        name=config.hostname,
        limits=(*_LIMITS, *config.limits, *_notes(config, version)),
        product="Cisco ASA",
        firmware=shown,
        interfaces=interfaces(config),
        chains=chains,
        nat=nat,
        administrators=administrators if config.complete else _fragment("les comptes d'administration"),
        users=users if config.complete else _fragment("les comptes locaux"),
        vpns=vpns(config) if config.complete else _fragment("les VPN"),
        ipv6=_ipv6(config),
    )


def _fragment(what: str) -> Gap:
    return Gap(reason=Reason.UNSUPPORTED, detail=f"Ce fichier n'est pas une configuration complète : {what} manquent.")


def _ipv6(config: Config) -> str:
    """An interface without any IPv6 command does not handle IPv6."""
    if not config.zones:
        return ""
    return "on" if any(zone.ipv6 for zone in config.zones) else "off"


def _notes(config: Config, version: tuple[int, int] | None) -> list[str]:
    found: list[str] = []
    if version is None:
        found.append("La version du logiciel n'est pas dans l'export : « any » peut comprendre ou non l'IPv6.")
    elif version < _REAL_ADDRESSES:
        found.append(
            "Avant la version 8.3, les règles portent sur les adresses traduites (publiques), pas sur celles des "
            "serveurs : le rapprochement avec les réseaux internes passe par les traductions."
        )
    if not config.zones:
        found.append(
            "Les interfaces ne sont pas dans l'export : les autorisations implicites par niveau sont inconnues."
        )
    if not config.zones and not config.groups and config.acls:
        found.append(
            "Aucune commande access-group : chaque liste d'accès est étudiée seule, comme à l'entrée d'une interface "
            "qui porterait son nom."
        )
    if config.permit_vpn and config.crypto:
        found.append(
            "Le trafic sorti d'un VPN ne passe pas par les listes des interfaces (sysopt connection permit-vpn)."
        )
    return found
