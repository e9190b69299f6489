"""The sound population of the site: staff, service accounts, computers, groups. Faults come on top of it."""

from __future__ import annotations

from directory import (
    NORMAL_ACCOUNT,
    NOT_DELEGATED,
    WORKSTATION,
    Directory,
    random_password,
)
from zones import complete_forest_zone

ROOT = "OU=Les Tilleuls"

SOINS = [
    ("Claire", "Moreau", "Aide-soignante"),
    ("Nathalie", "Leroux", "Infirmière coordinatrice"),
    ("Amina", "Benali", "Infirmière"),
    ("Julie", "Perrin", "Infirmière"),
    ("Sandrine", "Colin", "Infirmière"),
    ("Fatou", "Diallo", "Infirmière de nuit"),
    ("Élodie", "Gauthier", "Aide-soignante"),
    ("Karim", "Haddad", "Aide-soignant"),
    ("Marie", "Lefèvre", "Aide-soignante"),
    ("Sylvie", "Renaud", "Aide-soignante"),
    ("Inès", "Marchand", "Ergothérapeute"),
    ("Thomas", "Roussel", "Kinésithérapeute"),
    ("Hélène", "Garnier", "Psychologue"),
    ("Philippe", "Faure", "Médecin coordonnateur"),
    ("Léa", "Chevalier", "Animatrice"),
    ("Océane", "Brunet", "Aide-soignante de nuit"),
]
ADMINISTRATION = [
    ("Isabelle", "Lambert", "Directrice"),
    ("Laurent", "Petit", "Responsable administratif"),
    ("Valérie", "Simon", "Comptable"),
    ("Céline", "Fournier", "Secrétaire médicale"),
    ("Marc", "Girard", "Gestionnaire de paie"),
    ("Aurélie", "Bonnet", "Chargée d'accueil"),
]
HEBERGEMENT = [
    ("Bruno", "Mercier", "Responsable hôtellerie"),
    ("Patricia", "Dupuis", "Gouvernante"),
    ("Didier", "Lemoine", "Agent technique"),
    ("Corinne", "Masson", "Cuisinière"),
]
SERVICES = {
    "svc-sauvegarde": "Sauvegarde nocturne des serveurs",
    "svc-dui": "Base du dossier usager informatisé",
    "svc-planning": "Logiciel de planning des équipes",
    "svc-wifi": "Authentification du Wi-Fi professionnel",
    "svc-telephonie": "Standard téléphonique",
    "imprimante-accueil": "Numérisation du copieur de l'accueil",
    "automate-labo": "Automate d'analyses du cabinet médical",
    "borne-entree": "Borne d'émargement du hall",
}
TEMPORARY_STAFF = 32
"""Accounts of replacement staff, left open after they went."""

WORKSTATIONS = {
    "PC-ACCUEIL": ("Windows 11 Professionnel", "10.0 (26200)"),
    "PC-DIRECTION": ("Windows 11 Professionnel", "10.0 (26200)"),
    "PC-COMPTA": ("Windows 11 Professionnel", "10.0 (26200)"),
    "PC-IDE-1": ("Windows 11 Professionnel", "10.0 (26200)"),
    "PC-IDE-2": ("Windows 11 Professionnel", "10.0 (26200)"),
    "PC-MEDECIN": ("Windows 11 Professionnel", "10.0 (26200)"),
    "PC-CUISINE": ("Windows 11 Professionnel", "10.0 (26200)"),
    "PC-TECHNIQUE": ("Windows 11 Professionnel", "10.0 (26200)"),
    "PC-SALLE-SOINS": ("Windows 11 Professionnel", "10.0 (26200)"),
}
SERVERS = ["SRV-DUI", "SRV-FICHIERS", "SRV-COMPTA", "SRV-ARCHIVES", "SRV-IMPRESSION", "SRV-INTRANET", "SRV-SYNC"]
SERVER_SYSTEM = ("Windows Server 2022 Standard", "10.0 (20348)")


def sam_name(first: str, last: str) -> str:
    """Return the login of a person: first letter and name, without accents."""
    plain = str.maketrans("éèêëàâîïôöûüçÉ", "eeeeaaiioouucE")
    return (first[0] + last).translate(plain).lower()


def populate(directory: Directory) -> None:
    """Create units, people, services, computers and groups, all in good order."""
    _units(directory)
    for unit, people in (("Soins", SOINS), ("Administration", ADMINISTRATION), ("Hébergement", HEBERGEMENT)):
        for rank, (first, last, title) in enumerate(people):
            _person(directory, unit, first, last, title, rank)
    for rank, (sam, title) in enumerate(SERVICES.items()):
        _user(directory, f"CN={sam},OU=Comptes de service,{ROOT}", sam, rank, description=title)
    for rank in range(1, TEMPORARY_STAFF + 1):
        sam = f"remplacant-{rank:02d}"
        _user(directory, f"CN={sam},OU=Remplaçants,{ROOT}", sam, rank, description="Personnel de remplacement")
    _administrators(directory)
    _computers(directory)
    _groups(directory)
    _domain_controller(directory)
    complete_forest_zone(directory)


def _units(directory: Directory) -> None:
    directory.db.create_ou(f"{ROOT},{directory.base}")
    for unit in (
        "Soins",
        "Administration",
        "Hébergement",
        "Comptes de service",
        "Remplaçants",
        "Informatique",
        "Postes",
        "Serveurs",
        "Groupes",
    ):
        directory.db.create_ou(f"OU={unit},{ROOT},{directory.base}")


def _user(directory: Directory, relative_dn: str, sam: str, rank: int, **attributes: object) -> None:
    directory.add(
        f"{relative_dn},{directory.base}",
        "user",
        sAMAccountName=sam,
        userPrincipalName=f"{sam}@{directory.realm}",
        clearTextPassword=random_password().encode("utf-16-le"),
        userAccountControl=str(NORMAL_ACCOUNT),
        **attributes,
    )
    # Spread the dates: passwords of 20 to 160 days, logons of the last fortnight, accounts of one to five years.
    directory.age(sam, password=20 + rank * 37 % 140, logon=1 + rank * 5 % 13, created=400 + rank * 211 % 1500)


def _person(directory: Directory, unit: str, first: str, last: str, title: str, rank: int) -> None:
    sam = sam_name(first, last)
    _user(
        directory,
        f"CN={first} {last},OU={unit},{ROOT}",
        sam,
        rank,
        givenName=first,
        sn=last,
        displayName=f"{first} {last}",
        title=title,
        department=unit,
        mail=f"{sam}@{directory.realm}",
    )


def _administrators(directory: Directory) -> None:
    for rank, (sam, who) in enumerate({"adm-durand": "Sophie Durand", "adm-martin": "Paul Martin"}.items()):
        _user(
            directory,
            f"CN={sam},OU=Informatique,{ROOT}",
            sam,
            rank,
            displayName=f"{who} (administration)",
            adminCount="1",
        )
        directory.join("Domain Admins", sam)
    directory.flags("adm-durand", add=NOT_DELEGATED)
    directory.join("Protected Users", "adm-durand")
    directory.set(directory.dn("svc-sauvegarde"), adminCount="1")
    directory.join("Backup Operators", "svc-sauvegarde")
    # The built-in account is as old as the domain would be, and only for emergencies.
    directory.age("Administrator", password=120, logon=95, created=2800)


def add_computer(
    directory: Directory, name: str, unit: str, system: str, version: str, rank: int, **attributes: object
) -> str:
    """Create a sound member computer and return its sAMAccountName."""
    sam = f"{name}$"
    host = f"{name.lower()}.{directory.realm}"
    directory.add(
        f"CN={name},OU={unit},{ROOT},{directory.base}",
        "computer",
        sAMAccountName=sam,
        userAccountControl=str(WORKSTATION),
        clearTextPassword=random_password().encode("utf-16-le"),
        dNSHostName=host,
        servicePrincipalName=[f"HOST/{host}", f"HOST/{name}"],
        operatingSystem=system,
        operatingSystemVersion=version,
        **{"msDS-SupportedEncryptionTypes": "24", **attributes},
    )
    directory.age(sam, password=3 + rank * 7 % 25, logon=1 + rank * 3 % 10, created=300 + rank * 97 % 900)
    return sam


def _computers(directory: Directory) -> None:
    for rank, (name, (system, version)) in enumerate(WORKSTATIONS.items()):
        add_computer(directory, name, "Postes", system, version, rank)
    for rank, name in enumerate(SERVERS):
        add_computer(directory, name, "Serveurs", *SERVER_SYSTEM, rank)
    # Sound counterparts of the delegation faults: the delegated services are not those of a domain controller.
    directory.set(
        directory.dn("SRV-DUI$"),
        msDS__AllowedToDelegateTo=[f"MSSQLSvc/srv-compta.{directory.realm}:1433"],
    )
    owner = directory.sid_of("SRV-DUI$")
    directory.set(
        directory.dn("SRV-COMPTA$"),
        msDS__AllowedToActOnBehalfOfOtherIdentity=directory.packed_sd(
            f"O:BAD:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;{owner})"
        ),
    )
    # Sound counterpart of the Kerberos faults: a service account with AES and a recent password.
    directory.set(
        directory.dn("svc-planning"),
        servicePrincipalName=[f"HTTP/planning.{directory.realm}"],
        msDS__SupportedEncryptionTypes="24",
    )


def _groups(directory: Directory) -> None:
    for group, people in (
        ("Soignants", [sam_name(f, n) for f, n, _ in SOINS]),
        ("Équipe administrative", [sam_name(f, n) for f, n, _ in ADMINISTRATION]),
        ("Personnel", []),
        ("Accès DUI", []),
    ):
        directory.add(f"CN={group},OU=Groupes,{ROOT},{directory.base}", "group", sAMAccountName=group)
        if people:
            directory.join(group, *people)
    # The helper of samba looks names up by itself: accents are safe there.
    directory.join("Personnel", "Soignants", "Équipe administrative")
    directory.join("Accès DUI", "Soignants")


def _domain_controller(directory: Directory) -> None:
    """Make DC1 look like the Windows Server a structure of this size runs."""
    dn = directory.dn("DC1$")
    system, version = SERVER_SYSTEM
    directory.set(dn, operatingSystem=system, operatingSystemVersion=version, msDS__SupportedEncryptionTypes="28")
    directory.age("DC1$", password=12, logon=3, created=2800)
    settings = str(directory.db.get_dsServiceName())
    directory.set(settings, msDS__Behavior__Version="7")


def populate_bulk(directory: Directory, users: int, computers: int, groups: int) -> None:
    """Add a large anonymous population for benchmarks, without passwords (hashing them would dominate)."""
    unit = f"OU=Volume,{ROOT},{directory.base}"
    directory.db.create_ou(unit)
    logon = directory.days_ago(4)
    for rank in range(users):
        sam = f"util{rank:06d}"
        directory.add(
            f"CN=Utilisateur {rank:06d},{unit}",
            "user",
            sAMAccountName=sam,
            userPrincipalName=f"{sam}@{directory.realm}",
            displayName=f"Utilisateur {rank:06d}",
            department=("Soins", "Administration", "Hébergement")[rank % 3],
            mail=f"{sam}@{directory.realm}",
            lastLogonTimestamp=logon,
            userAccountControl=str(NORMAL_ACCOUNT | 0x20),
        )
    for rank in range(computers):
        directory.add(
            f"CN=POSTE-{rank:05d},{unit}",
            "computer",
            sAMAccountName=f"POSTE-{rank:05d}$",
            userAccountControl=str(WORKSTATION | 0x20),
            dNSHostName=f"poste-{rank:05d}.{directory.realm}",
            operatingSystem="Windows 11 Professionnel",
            operatingSystemVersion="10.0 (26200)",
            lastLogonTimestamp=logon,
        )
    for rank in range(groups):
        members = [f"CN=Utilisateur {(rank * 50 + k) % users:06d},{unit}" for k in range(min(50, users))]
        directory.add(f"CN=Groupe {rank:04d},{unit}", "group", sAMAccountName=f"Groupe-{rank:04d}", member=members)
