"""Synthetic catalogues and runs for the report tests: fictional EHPAD Les Tilleuls, realistic French content."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from checks.catalogue import Catalogue, Control, Domain, DomainHeader, Measure
from checks.common.exhibits import Cell, Exhibit, Lane, Lines, Point, Series, Span, Spans, Table, Tick
from checks.model import (
    RUN_SCHEMA,
    RUN_SCHEMA_VERSION,
    Affected,
    DomainRun,
    Evidence,
    Level,
    Matrix,
    MatrixCell,
    Origin,
    Outcome,
    Reason,
    Run,
    Severity,
    StructureIdentity,
    ToolIdentity,
    Verdict,
    fingerprint,
)

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
COLLECTED = "2026-11-22T09:12:00Z"

C, H, M, L, I = Severity  # noqa: E741 - five severities, worst first


def measure(measure_id: str, title: str = "Mesure d'essai", days: float = 1.0, **other: object) -> Measure:
    values = {
        "why": "Pour que les soins continuent.",
        "steps": ("Préparer.", "Faire.", "Vérifier."),
        "effort": "XS" if days <= 0.5 else "S" if days <= 2 else "M" if days <= 5 else "L",
        "cost": "none",
        "who": "prestataire",
    }
    return Measure(id=measure_id, title=title, days=days, **{**values, **other})


def control(control_id: str, title: str, severity: Severity = M, measure_id: str = "", weight: float = 1.0) -> Control:
    return Control(
        id=control_id,
        version=1,
        title=title,
        why="Sinon, un attaquant entré par un courriel piégé peut bloquer le dossier des résidents.",
        severity=severity,
        check=f"essai.{control_id.lower().replace('-', '_')}",
        measure=measure_id,
        weight=weight,
    )


def domain(name: str, title: str, prefix: str, controls: list[Control], measures: list[Measure]) -> Domain:
    header = DomainHeader(
        id=name, title=title, prefix=prefix, facts="facts:F", facts_version=1, config="config:C", collect="collect:c"
    )
    return Domain(header=header, controls=tuple(controls), measures=tuple(measures), package=f"essai.{name}")


def catalogue(*domains: Domain) -> Catalogue:
    return Catalogue(domains={d.id: d for d in domains}, sha256="c0ffee" * 10 + "beef")


def outcome(
    control_id: str,
    verdict: Verdict = Verdict.FAIL,
    subject: str = "tilleuls.test",
    severity: Severity = M,
    *,
    measure_id: str = "",
    reason: str = "",
    message: str = "Constat d'essai.",
    objects: tuple[str, ...] = (),
    origin: Origin | None = Origin.OBSERVED,
    domain_id: str = "ad",
    version: int = 1,
) -> Outcome:
    if verdict is Verdict.NOT_ASSESSED and not reason:
        reason = str(Reason.TIMEOUT)
    if verdict is Verdict.NOT_APPLICABLE and not reason:
        reason = message
    evidence = (
        ()
        if origin is None or verdict is Verdict.NOT_ASSESSED
        else (Evidence(value="valeur relevée", source="requête LDAP", time=COLLECTED, origin=origin),)
    )
    return Outcome(
        control=control_id,
        version=version,
        domain=domain_id,
        subject=subject,
        verdict=verdict,
        severity=severity,
        message=message,
        fingerprint=fingerprint(control_id, subject),
        reason=reason,
        measure=measure_id,
        affected=tuple(Affected(id=o, label=o, fingerprint=fingerprint(control_id, subject, o)) for o in objects),
        evidence=evidence,
    )


def run(*outcomes: Outcome, **other: object) -> Run:
    values: dict[str, object] = {
        "schema": RUN_SCHEMA,
        "schema_version": RUN_SCHEMA_VERSION,
        "id": "run-les-tilleuls-20261122T091200Z",
        "structure": StructureIdentity(name="EHPAD Les Tilleuls", kind="PA", finess_et="990000017", size=84),
        "started": datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
        "finished": NOW,
        "tool": ToolIdentity(name="ausculte", version="0.1.0", catalogue_sha256="c0ffee" * 10 + "beef"),
        "outcomes": outcomes,
    }
    return Run(**{**values, **other})


MEASURES = [
    measure("M-AD-001", "Retirer les comptes inutiles des groupes d'administration", 1.0, effort="S",
            why="Un seul mot de passe volé parmi 14 administrateurs suffit à arrêter le dossier des résidents.",
            steps=("Lister les membres de « Admins du domaine » avec le prestataire.",
                   "Garder deux comptes nominatifs et un compte de secours sous enveloppe.",
                   "Retirer les autres, un par jour, et vérifier que rien ne s'arrête."),
            references=("ANSSI-PA-099",)),
    measure("M-AD-002", "Donner aux comptes de service un mot de passe long, renouvelé seul (gMSA)", 3.0, effort="M",
            why="Le compte de la sauvegarde peut être deviné hors ligne par n'importe quel utilisateur.",
            prerequisites=("M-AD-001",)),
    measure("M-AD-003", "Changer deux fois le mot de passe du compte krbtgt", 0.5,
            why="Un intrus d'il y a deux ans pourrait encore se fabriquer un accès à tout."),
    measure("M-AD-004", "Remplacer le contrôleur de domaine Windows Server 2012 R2", 8.0, effort="L", cost="medium",
            funding="experts_techniques",
            why="Ce serveur ne reçoit plus de correctifs : une faille publique suffit à arrêter l'établissement."),
    measure("M-AD-005", "Désactiver les comptes des personnes parties", 1.5, who="structure", effort="S",
            why="Le compte d'une personne partie ouvre encore le dossier de soins."),
    measure("M-AD-006", "Passer à douze caractères et interdire les mots de passe courants", 2.0, effort="S",
            who="rssi", funding="rssi_externe", why="« Tilleuls2024 » est encore accepté aujourd'hui."),
    measure("M-AD-007", "Déployer LAPS : un mot de passe d'administration par poste", 2.0, effort="S",
            why="Le même mot de passe ouvre tous les postes : un poste infecté les contamine tous."),
    measure("M-AD-008", "Exiger la signature SMB et LDAP sur les contrôleurs de domaine", 1.0, effort="S",
            why="Sans signature, quelqu'un branché au réseau peut se faire passer pour un administrateur."),
    measure("M-AD-009", "Supprimer les mots de passe laissés dans les stratégies de groupe", 0.5,
            why="Le mot de passe est lisible par tout le personnel."),
    measure("M-AD-010", "Fermer la délégation non contrainte", 2.5, effort="M",
            why="Une imprimante peut devenir administrateur."),
    measure("M-AD-011", "Activer la corbeille de l'annuaire", 0.25,
            why="Une suppression par erreur deviendrait réversible."),
    measure("M-AD-012", "Renouveler la configuration des certificats internes", 4.0, effort="M",
            why="Un modèle trop ouvert permet d'usurper un administrateur."),
    measure("M-MAIL-001", "Publier une politique DMARC et la durcir par étapes", 1.5, effort="S",
            why="N'importe qui peut écrire aux familles au nom de l'établissement."),
    measure("M-MAIL-002", "Corriger l'enregistrement SPF", 0.5,
            why="Des messages légitimes aux hôpitaux sont rejetés."),
    measure("M-MAIL-003", "Signer les messages avec DKIM, clé de 2048 bits", 1.0, effort="S",
            why="La signature prouve qui écrit."),
    measure("M-MAIL-004", "Chiffrer la réception des messages", 1.0, effort="S", who="prestataire",
            why="Un message de soins peut être lu en route."),
]  # fmt: skip

AD_CONTROLS = [
    ("AD-PRV-001", "Le nombre d'administrateurs reste réduit", H, "M-AD-001", 1.5),
    ("AD-PRV-003", "Aucun mot de passe d'administrateur n'est sans limite de durée", C, "M-AD-001", 1.5),
    ("AD-PRV-004", "Les mots de passe des administrateurs ont moins de trois ans", C, "M-AD-001", 1.5),
    ("AD-PRV-005", "Les administrateurs sont dans le groupe Protected Users", M, "M-AD-001", 1.0),
    ("AD-PRV-010", "Le groupe DnsAdmins est vide", H, "M-AD-001", 1.0),
    ("AD-KRB-001", "Le mot de passe du compte krbtgt a moins d'un an", H, "M-AD-003", 1.5),
    ("AD-KRB-002", "Aucun administrateur n'est dispensé de préauthentification", C, "M-AD-001", 1.5),
    ("AD-KRB-003", "Aucun compte n'est dispensé de préauthentification", H, "M-AD-002", 1.0),
    ("AD-KRB-004", "Aucun administrateur ne porte de nom de service", C, "M-AD-002", 1.5),
    ("AD-KRB-005", "Les comptes de service ont un mot de passe récent", H, "M-AD-002", 1.2),
    ("AD-DC-002", "Les contrôleurs de domaine ont un système maintenu", C, "M-AD-004", 2.0),
    ("AD-DC-008", "Il y a au moins deux contrôleurs de domaine", M, "M-AD-004", 1.0),
    ("AD-ACC-001", "Peu de comptes actifs sont inutilisés", H, "M-AD-005", 1.0),
    ("AD-ACC-002", "Les comptes inutilisés depuis six mois sont désactivés", M, "M-AD-005", 1.0),
    ("AD-ACC-005", "Le compte Invité est désactivé", M, "M-AD-005", 1.0),
    ("AD-ACC-006", "Aucun compte n'est dispensé de mot de passe", H, "M-AD-006", 1.0),
    ("AD-ACC-007", "Un utilisateur ne peut pas ajouter de machine au domaine", L, "M-AD-008", 1.0),
    ("AD-ACC-011", "Aucun mot de passe n'est écrit dans une description", H, "M-AD-009", 1.0),
    ("AD-ACC-013", "Les postes ont un système maintenu", M, "M-AD-004", 1.0),
    ("AD-PWD-001", "La règle de mots de passe demande douze caractères", H, "M-AD-006", 1.2),
    ("AD-PWD-002", "Les essais de mots de passe sont limités", M, "M-AD-006", 1.0),
    ("AD-DLG-001", "Aucune délégation non contrainte", C, "M-AD-010", 1.0),
    ("AD-DLG-004", "Aucune délégation vers un compte privilégié", C, "M-AD-010", 1.0),
    ("AD-CFG-010", "La corbeille de l'annuaire est active", L, "M-AD-011", 1.0),
    ("AD-CFG-004", "Le niveau fonctionnel de la forêt est suffisant", H, "M-AD-004", 1.0),
    ("AD-PKI-001", "Aucun modèle de certificat ne permet d'usurper un compte", C, "M-AD-012", 1.0),
    ("AD-GPO-001", "Aucun mot de passe dans les stratégies de groupe", C, "M-AD-009", 1.2),
    ("AD-LAP-001", "LAPS est déployé", H, "M-AD-007", 1.0),
    ("AD-NET-001", "La signature SMB est exigée", H, "M-AD-008", 1.0),
    ("AD-NET-002", "SMBv1 est désactivé", H, "M-AD-008", 1.0),
    ("AD-NET-003", "La signature LDAP est exigée", H, "M-AD-008", 1.0),
    ("AD-TRU-001", "Les relations d'approbation sortantes sont filtrées", C, "", 1.0),
]
MAIL_CONTROLS = [
    ("MAIL-MX-001", "Les serveurs de réception existent", H, "M-MAIL-004", 1.0),
    ("MAIL-SPF-001", "Un seul enregistrement SPF", H, "M-MAIL-002", 1.0),
    ("MAIL-SPF-002", "SPF s'évalue sans erreur", M, "M-MAIL-002", 1.0),
    ("MAIL-SPF-003", "SPF n'autorise pas tout le monde", C, "M-MAIL-002", 1.2),
    ("MAIL-DKIM-001", "Une clé DKIM valide est publiée", M, "M-MAIL-003", 1.0),
    ("MAIL-DKIM-002", "La clé DKIM est assez longue", M, "M-MAIL-003", 1.0),
    ("MAIL-DMARC-001", "Un seul enregistrement DMARC valide", H, "M-MAIL-001", 1.2),
    ("MAIL-DMARC-002", "DMARC met à l'écart les messages usurpés", H, "M-MAIL-001", 1.2),
    ("MAIL-DMARC-004", "Les rapports DMARC sont demandés", L, "M-MAIL-001", 1.0),
    ("MAIL-TLS-001", "Chaque serveur de réception propose le chiffrement", H, "M-MAIL-004", 1.0),
    ("MAIL-TLS-002", "Le certificat correspond au nom du serveur", M, "M-MAIL-004", 1.0),
    ("MAIL-STS-001", "MTA-STS est publié et appliqué", L, "M-MAIL-004", 1.0),
    ("MAIL-DNS-001", "La zone est signée (DNSSEC)", L, "", 1.0),
]

MESSAGES = {
    "AD-PRV-001": "14 comptes sont administrateurs du domaine ; un EHPAD de cette taille en a besoin de 2 ou 3.",
    "AD-PRV-003": "5 administrateurs ont un mot de passe qui n'expire jamais.",
    "AD-PRV-004": "3 administrateurs ont un mot de passe vieux de plus de 3 ans (le plus ancien : 2 914 jours).",
    "AD-KRB-001": "Le mot de passe du compte krbtgt a 1 243 jours (limite : 365).",
    "AD-KRB-004": "Le compte d'administration « svc-sauvegarde » sert aussi de compte de service.",
    "AD-DC-002": "Le contrôleur DC1 tourne sous Windows Server 2012 R2, sans correctif depuis octobre 2023.",
    "AD-ACC-002": "62 comptes actifs n'ont pas servi depuis plus de 180 jours.",
    "AD-GPO-001": "Un mot de passe est lisible dans la stratégie « Imprimantes étage 2 ».",
    "AD-PWD-001": "La règle demande 8 caractères (12 recommandés), sans interdire les mots de passe courants.",
}

SIX_MONTHS_LATER = {"AD-KRB-001", "AD-GPO-001", "AD-ACC-011", "AD-PRV-004", "MAIL-SPF-003", "AD-CFG-010"}


def realistic_catalogue() -> Catalogue:
    """Two domains with the controls and measures of this module."""

    def controls(rows: list[tuple[str, str, Severity, str, float]]) -> list[Control]:
        return [control(i, title, severity, m, weight) for i, title, severity, m, weight in rows]

    return catalogue(
        domain("ad", "Annuaire Active Directory", "AD", controls(AD_CONTROLS),
               [m for m in MEASURES if m.id.startswith("M-AD")]),
        domain("messaging", "Messagerie et domaines", "MAIL", controls(MAIL_CONTROLS),
               [m for m in MEASURES if m.id.startswith("M-MAIL")]),
    )  # fmt: skip


def realistic_run(*, later: bool = False, mail_domains: int = 9) -> Run:
    """About 150 outcomes: a neglected directory, mail domains good and bad, some questions without a verdict.

    `later` is the same site six months after: some faults repaired, one new, one no longer assessed.
    """
    outcomes = [_directory_outcome(row, later) for row in AD_CONTROLS]
    for index in range(mail_domains):
        name = "tilleuls.test" if index == 0 else f"site{index}.tilleuls.test"
        outcomes += [_mail_outcome(row, name, index, later) for row in MAIL_CONTROLS]
    domains = (
        DomainRun(domain="ad", status="collected", facts_file="facts/ad.json", facts_sha256="ab" * 32,
                  seconds=4.2, targets=("dc1.tilleuls.test",)),
        DomainRun(domain="messaging", status="collected", facts_file="facts/messaging.json",
                  facts_sha256="cd" * 32, seconds=1.4, targets=("tilleuls.test",)),
    )  # fmt: skip
    return run(
        *outcomes,
        domains=domains,
        operator="Camille Roux, RSSI externe",
        started=datetime(2027, 5, 20, 9, 0, tzinfo=UTC) if later else datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
        finished=datetime(2027, 5, 20, 9, 20, tzinfo=UTC) if later else NOW,
        id="run-les-tilleuls-20270520T090000Z" if later else "run-les-tilleuls-20261122T090000Z",
        plan_capacity_days=12.0,
        mandate={
            "authorised_by": "Dominique Martin, directrice",
            "signed_on": "2026-11-10",
            "valid_from": "2026-11-16",
            "valid_to": "2026-12-18",
            "hours": "08:00-18:00",
            "networks": ["192.0.2.0/24"],
            "domains": ["tilleuls.test"],
            "excluded": [{"network": "192.0.2.40/32", "why": "appel malade"}],
        },
        answers={"derniere_restauration": "2025-03-02", "charte_signee": False},
    )


def _directory_outcome(row: tuple[str, str, Severity, str, float], later: bool) -> Outcome:
    control_id, title, severity, measure_id, _ = row
    common = {"subject": "tilleuls.test", "severity": severity, "measure_id": measure_id, "domain_id": "ad"}
    if control_id in {"AD-NET-002", "AD-PKI-001"} or (later and control_id == "AD-DLG-001"):
        detail = "Le serveur dc1.tilleuls.test n'a pas répondu en 5 secondes sur le port 445."
        return outcome(control_id, Verdict.NOT_ASSESSED, reason="timeout", message=detail, **common)
    if control_id == "AD-TRU-001":
        return outcome(
            control_id, Verdict.NOT_APPLICABLE, message="Le domaine n'a aucune relation d'approbation.", **common
        )
    healthy = {"AD-KRB-002", "AD-DLG-004", "AD-CFG-004", "AD-PWD-002", "AD-ACC-005", "AD-PRV-010"}
    if control_id in healthy - ({"AD-ACC-005"} if later else set()) or (later and control_id in SIX_MONTHS_LATER):
        return outcome(control_id, Verdict.PASS, message=f"{title} : vérifié sur 412 comptes.", **common)
    count = {"AD-ACC-002": 62, "AD-PRV-001": 14, "AD-ACC-013": 23, "AD-PRV-003": 5}.get(control_id, 1)
    objects = tuple(f"S-1-5-21-1-2-3-{1100 + n}" for n in range(count - (20 if later and count > 30 else 0)))
    return outcome(
        control_id,
        message=MESSAGES.get(control_id, f"Le point « {title} » n'est pas respecté."),
        objects=objects,
        **common,
    )


def _mail_outcome(row: tuple[str, str, Severity, str, float], name: str, index: int, later: bool) -> Outcome:
    control_id, title, severity, measure_id, _ = row
    common = {"subject": name, "severity": severity, "measure_id": measure_id, "domain_id": "messaging"}
    if control_id.startswith("MAIL-DKIM") and index % 3:
        detail = "Aucune clé trouvée aux sélecteurs connus ; le sélecteur utilisé n'est pas déclaré."
        return outcome(control_id, Verdict.NOT_ASSESSED, reason="not_configured", message=detail, **common)
    if control_id == "MAIL-TLS-002" and index == 4:
        return outcome(
            control_id,
            Verdict.NOT_ASSESSED,
            reason="unreachable",
            message="Le serveur mx4 refuse le port 25.",
            **common,
        )
    bad = {"MAIL-DMARC-002", "MAIL-DMARC-004", "MAIL-STS-001", "MAIL-DNS-001"}
    bad |= {"MAIL-SPF-003", "MAIL-SPF-002"} if index == 1 else set()
    bad |= {"MAIL-DMARC-001"} if index in {2, 5} else set()
    if (
        control_id in bad
        and not (later and control_id in SIX_MONTHS_LATER)
        and (index < 6 or control_id == "MAIL-DNS-001")
    ):
        return outcome(control_id, message=f"Le domaine {name} ne respecte pas le point « {title} ».", **common)
    return outcome(control_id, Verdict.PASS, message=f"{title} : vérifié pour {name}.", **common)


PICTURES_START = 1_795_338_000
"""22 November 2026, 9:00 UTC."""


def table(rows: int = 3) -> Table:
    """Networks of the house and of the street, each level there."""
    levels = tuple(Level)
    return Table(
        title="Réseaux et protections",
        columns=("Réseau", "Usage", "Chiffrement", "Bornes"),
        rows=tuple(
            (
                Cell(text=f"Tilleuls-{n}"),
                Cell(text="résidents"),
                Cell(text="WPA2", level=levels[n % len(levels)], detail=f"Détail {n}."),
                Cell(text="" if n % 2 else str(n)),
            )
            for n in range(rows)
        ),
        lead="D'un poste résident, on n'atteint rien.",
        note="Un réseau voisin est décrit, jamais jugé.",
    )


def spans(count: int = 3) -> Spans:
    """Channels that overlap in two bands, measured or not."""

    def span(n: int) -> Span:
        middle = 2412 + 5 * (n % 13)
        return Span(
            label=f"Tilleuls-Residents {n}",
            start=middle - 10,
            stop=middle + 10,
            height=None if n % 5 == 4 else -90.0 + n % 50,
            group=n % 2,
            level=Level.HIGH if n == 2 else Level.NONE,
            detail=f"Canal {1 + n % 13}, borne {n}." if n % 3 else "",
        )

    upper = Lane(label="5 GHz", start=5150, stop=5900, ticks=(Tick(at=5180, label="36"),),
                 spans=(Span(label="Tilleuls-Pro", start=5170, stop=5190, height=-55.0),))  # fmt: skip
    ticks = tuple(Tick(at=2407 + 5 * n, label=str(n)) for n in range(1, 14))
    return Spans(
        title="Canaux occupés",
        axis="Numéro de canal",
        unit="MHz",
        lanes=(
            Lane(label="2,4 GHz", start=2399, stop=2485, ticks=ticks, spans=tuple(span(n) for n in range(count))),
            upper,
        ),
        groups=("Nos réseaux", "Réseaux voisins"),
        scale="Signal reçu (dBm)",
        lowest=-100.0,
        highest=-20.0,
    )


def lines(series: int = 2, points: int = 12) -> Lines:
    """Signals with a silence in the middle of each."""
    return Lines(
        title="Signal au fil du temps",
        scale="Signal reçu (dBm)",
        series=tuple(
            Series(
                label=f"Tilleuls-{n}",
                detail=f"borne {n}",
                points=tuple(
                    Point(at=PICTURES_START + 10 * k, value=None if k == points // 2 else -50.0 - 4 * n - k % 3)
                    for k in range(points)
                ),
            )
            for n in range(series)
        ),
    )


def pictures() -> dict[str, tuple[Exhibit, ...]]:
    """Every kind of picture, for the domain of the firewall."""
    matrix = zone_matrix(ZONES[:3])
    return {"firewall": (table(9), spans(9), lines(8), matrix, Table(title="Vide", columns=("a",), rows=()))}


ZONES = ("Internet", "Professionnel", "Résidents", "Wi-Fi invités", "Biomédical", "Sauvegarde", "Administration")
FIREWALL_CONTROLS = [
    ("FW-SEG-001", "Le réseau des résidents n'atteint pas le réseau professionnel", C, "M-FW-001", 2.0),
    ("FW-ANO-001", "Aucune règle n'est masquée par d'autres", M, "M-FW-002", 1.0),
    ("FW-LOG-001", "Les règles ouvertes à Internet sont journalisées", L, "M-FW-002", 1.0),
]


def zone_matrix(zones: tuple[str, ...] = ZONES) -> Matrix:
    """Who reaches whom: each level is there, and a zone against itself is empty."""
    levels = tuple(Level)

    def cell(row: int, column: int) -> MatrixCell:
        if row == column:
            return MatrixCell()
        level = levels[(3 * row + 5 * column) % len(levels)]
        words = {Level.NONE: "", Level.UNKNOWN: "tcp/443", Level.CRITICAL: "tout", Level.HIGH: "SMB, RDP"}
        detail = f"{zones[row]} vers {zones[column]} : règle {row * 7 + column}, ligne {120 + row}."
        return MatrixCell(
            text=words.get(level, f"{row + column} services"), level=level, detail=detail if level else ""
        )

    return Matrix(
        title="Qui peut ouvrir une connexion vers qui",
        rows=zones,
        columns=zones,
        cells=tuple(tuple(cell(row, column) for column in range(len(zones))) for row in range(len(zones))),
        row_title="De",
        column_title="Vers",
        note="Une case dit ce qu'une zone peut ouvrir vers une autre, la plus grave des règles décidant du niveau.",
    )


def firewall_catalogue() -> Catalogue:
    """One domain whose findings say rules, lines, blocking rules and witness packets."""
    controls = [control(i, title, severity, m, weight) for i, title, severity, m, weight in FIREWALL_CONTROLS]
    measures = [
        measure("M-FW-001", "Séparer le réseau des résidents du réseau professionnel", 1.5),
        measure("M-FW-002", "Retirer les règles mortes du pare-feu", 1.0),
    ]
    return catalogue(domain("firewall", "Pare-feu", "FW", controls, measures))


def firewall_run(rules: int = 14, matrix: Matrix | None = None) -> Run:
    """A firewall with a matrix on two outcomes, shadowed rules, and a plain object without a place."""
    picture = matrix or zone_matrix()
    name = "FW-TILLEULS"
    masked = tuple(
        Affected(
            id=f"rule:{number}",
            label=f"Télémaintenance du prestataire {number}",
            detail="Cette règle ne s'applique jamais : d'autres, au-dessus, décident de tout ce qu'elle vise.",
            fingerprint=fingerprint("FW-ANO-001", name, str(number)),
            kind="shadowed",
            ref=str(number),
            line=340 + 12 * number,
            related=tuple(f"{other} « Sortie {other} »" for other in range(1, 2 + number)),
            witness={"src": "10.20.0.15", "dst": "10.10.0.5", "proto": "tcp", "dport": "445"},
        )
        for number in range(1, rules + 1)
    )
    common = {"domain_id": "firewall", "subject": name, "origin": Origin.IMPORTED}
    segmentation = outcome("FW-SEG-001", severity=C, measure_id="M-FW-001", objects=("règle 3",), **common,
                           message="Les résidents peuvent ouvrir un partage de fichiers du réseau professionnel.")  # fmt: skip
    anomalies = outcome("FW-ANO-001", measure_id="M-FW-002", message=f"{rules} règles ne servent jamais.", **common)
    return run(
        msgspec.structs.replace(segmentation, exhibit=picture),
        msgspec.structs.replace(anomalies, affected=masked),
        msgspec.structs.replace(outcome("FW-LOG-001", Verdict.PASS, **common), exhibit=picture),
        domains=(DomainRun(domain="firewall", status="collected", facts_file="facts/firewall.json", seconds=0.4),),
    )
