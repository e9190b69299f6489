"""Write the audit profile (`site.toml` of the agent) that matches a running lab."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lab.description import Site

BACKUP_VARIABLE = "AUSCULTE_BACKUP_KEY"
"""Environment variable that `exec` fills with the key of the backups."""
FILES, COPIES = "Fichiers des services", "Serveur de sauvegarde"
"""The system that is backed up, and the place that holds its copies."""
PASSWORD_VARIABLE = "AUSCULTE_AD_PASSWORD"  # noqa: S105 - the name of a variable
"""Environment variable that `exec` fills in the auditor's namespace."""


SSIDS = {"Tilleuls-Soins": ("pro", "pro"), "Tilleuls-Residents": ("resident", "residents")}
"""Wi-Fi networks of the access point: what each is for, and the segment it leads to."""
UNUSED = "10.10.0.250"
"""Address nobody has."""
_EQUIPMENT = [
    ("routeur", "router", "gateway", [22, 443]),
    ("borne du couloir", "borne", "access_point", [80, 22]),
]
_INSIDE: dict[str, list[tuple[str, str, str, list[int]]]] = {
    "pro": _EQUIPMENT,
    "resident": [
        ("contrôleur de domaine", "dc", "server", [445, 389, 88, 3389]),
        *_EQUIPMENT,
        ("imprimante de l'accueil", "imprimante", "printer", [9100, 631]),
        ("ordinateur d'un autre résident", "voisine", "station", [445, 3389]),
    ],
}
"""What is tried from each network: label, host, kind and ports."""


@dataclass(frozen=True)
class Exports:
    """Folders where the lab leaves what an audit reads."""

    router: str
    access_point: str
    backup: str
    room: str
    """Where the collection made from a resident's tablet goes."""


def _value(value: object) -> str:
    """Return a TOML literal; JSON strings, numbers and lists of strings are TOML too."""
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)


def _table(header: str, **entries: object) -> str:
    return "\n".join([header, *(f"{key} = {_value(value)}" for key, value in entries.items()), ""])


def audited_domains(site: Site) -> list[str]:
    """Return the mail domains an audit of the site looks at."""
    return [name for name, zone in site.zones.items() if zone.audited]


def render_profile(
    site: Site, ca_file: str, exports: Exports, today: date, mail_domains: Sequence[str] | None = None
) -> str:
    """Return the profile as TOML text: mandate of thirty days around `today`, and one table per domain.

    `mail_domains` defaults to every audited zone of the site.
    """
    domains = audited_domains(site) if mail_domains is None else list(mail_domains)
    structure = site.structure
    selectors = {
        name: [key.selector for key in site.zones[name].dkim if key.selector != "*"]
        for name in domains
        if name in site.zones
    }
    blocks = [
        'schema = 1\noperator = "Laboratoire"\n',
        _table(
            "[structure]",
            name=structure.name,
            kind=structure.kind,
            finess_ej=structure.finess_ej,
            finess_et=structure.finess_et,
            size=structure.size,
        ),
        _table(
            "[mandate]",
            authorised_by="Isabelle Lambert",
            function="Directrice",
            signed_on=today - timedelta(days=7),
            valid_from=today - timedelta(days=1),
            valid_to=today + timedelta(days=30),
            emergency_contact="Didier Lemoine, astreinte technique, poste 12",
            networks=[network.cidr for network in site.networks.values()],
            domains=sorted({structure.ad_domain, *domains, *_mail_hosts(site)}),
            restore_tests=[COPIES],
        ),
        *(
            _table("[[mandate.excluded]]", network=address, why="Dispositif biomédical")
            for address in structure.excluded
        ),
        _table("[network]", resolvers=[site.address_of("dns")]),
        _table(
            "[ad]",
            servers=[site.hosts["dc"].names[0]],
            user=f"{structure.audit_account}@{structure.ad_domain}",
            password_from=f"env:{PASSWORD_VARIABLE}",
            ca_file=ca_file,
        ),
        _table("[messaging]", domains=domains, ca_file=ca_file),
        _table(
            "[messaging.dkim_selectors_by_domain]",
            **{json.dumps(name): found for name, found in selectors.items() if found},
        ),
        _table("[firewall]", export_files=[f"{exports.router}/routeur.nft"]),
        _table(
            "[firewall.roles]",
            **{name: network.role for name, network in site.networks.items() if network.role},
        ),
        *_wifi(site, exports),
        *_backup(site, exports),
    ]
    return "\n".join(blocks)


def _backup(site: Site, exports: Exports) -> list[str]:
    """Return the tables of the backup domain: what must come back, and the one place that holds copies."""
    return [
        _table("[backup]", production_places=["Local technique"]),
        _table(
            "[[backup.system]]",
            label=FILES,
            kind="files",
            sources=["srv-fichiers"],
            rpo_hours=26,
            rto_hours=24,
            retention_days=30,
            owner="Isabelle Lambert",
        ),
        _table("[[backup.system]]", label="Annuaire", kind="directory", rpo_hours=26, rto_hours=8),
        _table("[[backup.system]]", label="Paie", hosted="Éditeur de paie", contract=True, critical=False),
        _table(
            "[[backup.repository]]",
            label=COPIES,
            technology="restic",
            location=f"{exports.backup}/fichiers",
            password_from=f"env:{BACKUP_VARIABLE}",
            server=site.address_of("sauvegarde"),
            medium="disk",
            place="Local technique",
            in_production_domain=False,
            same_array_as_source=False,
            key_escrow=False,
            check_percent=0,
        ),
        _table("[backup.restore]", seed=2026),
    ]


def _wifi(site: Site, exports: Exports) -> list[str]:
    """Return the tables of the Wi-Fi domain: the access point's settings, and what to try from each of its networks."""
    blocks = [
        _table("[wifi]", export_files=[f"{exports.access_point}/hostapd.conf"], inside_dir=[exports.room]),
        _table("[wifi.ssids]", **{json.dumps(ssid): role for ssid, (role, _) in SSIDS.items()}),
    ]
    for ssid, (role, segment) in SSIDS.items():
        network = site.networks[segment]
        outside = site.address_of("internet")
        blocks.append(
            _table(
                "[[wifi.inside]]",
                role=role,
                ssid=ssid,
                network=network.cidr,
                routers=[network.gateway],
                unused=[UNUSED],
                internal_name=site.hosts["dc"].names[0],
                external=outside,
                egress_ports=[25],
                portal_url=f"http://{outside}/",
                connect_timeout=1.0,
            )
        )
        for label, host, kind, ports in _INSIDE[role]:
            address = network.gateway if host == "router" else site.address_of(host)
            blocks.append(_table("[[wifi.inside.target]]", label=label, address=address, kind=kind, ports=ports))
    return blocks


def _mail_hosts(site: Site) -> set[str]:
    """Return the domains of the mail servers: an MX is often a provider's name."""
    return {host.names[0].split(".", 1)[1] for host in site.hosts.values() if host.role == "mail"}
