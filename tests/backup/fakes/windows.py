"""What Windows Server Backup leaves: image folder, `wbadmin get versions`, events in XML and CSV, English and French."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.backup.fakes.tls import NOW

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


def image(root: Path, host: str = "DC01", content: bytes = b"vhdxfile" + b"\0" * 5000, catalogue=True, **age) -> Path:
    """One backup of one machine, below `root/WindowsImageBackup`."""
    when = NOW - timedelta(**(age or {"hours": 10}))
    base = root / "WindowsImageBackup" / host
    folder = base / f"Backup {when:%Y-%m-%d %H%M%S}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a1b2c3d4-0000-0000-0000-000000000000.vhdx").write_bytes(content)
    (folder / "BackupSpecs.xml").write_text("<BackupSpecs/>")
    (base / "MediaId").write_bytes(b"\0" * 16)
    if catalogue:
        (base / "Catalog").mkdir(exist_ok=True)
        (base / "Catalog" / "GlobalCatalog").write_bytes(b"\0" * 64)
    return folder


def event(
    number: int, level: int = 4, provider="Microsoft-Windows-Backup", data=None, computer="DC01.tilleuls.test", **age
):
    when = NOW - timedelta(**(age or {"hours": 9}))
    fields = "".join(f"<Data Name='{name}'>{value}</Data>" for name, value in (data or {}).items())
    return (
        f"<Event xmlns='{NAMESPACE}'><System><Provider Name='{provider}' Guid='{{1db28f2e}}'/><EventID>{number}</EventID>"
        f"<Version>3</Version><Level>{level}</Level><TimeCreated SystemTime='{when:%Y-%m-%dT%H:%M:%S}.902860000Z'/>"
        f"<Channel>{provider}</Channel><Computer>{computer}</Computer></System><EventData>{fields}</EventData></Event>"
    )


VERSIONS_EN = """wbadmin 1.0 - Backup command-line tool
(C) Copyright Microsoft Corporation. All rights reserved.

Backup time: 11/20/2026 9:00 PM
Backup target: Network Share labeled \\\\nas\\sauvegardes
Version identifier: 11/20/2026-20:00
Can recover: Volume(s), File(s), Application(s), Bare Metal Recovery, System State

Backup time: 11/21/2026 9:00 PM
Backup target: Network Share labeled \\\\nas\\sauvegardes
Version identifier: 11/21/2026-20:00
Can recover: Volume(s), File(s), Application(s), Bare Metal Recovery, System State
"""
VERSIONS_FR = """wbadmin 1.0 - Outil en ligne de commande de sauvegarde
(C) Copyright Microsoft Corporation. Tous droits réservés.

Heure de la sauvegarde : 21/11/2026 21:00
Cible de la sauvegarde : Partage réseau nommé \\\\nas\\sauvegardes
Identificateur de version : 11/21/2026-20:00
Récupération possible : Volume(s), Fichier(s), Application(s), Récupération complète, État du système
"""
CSV_FR = (
    "Niveau,Date et heure,Source,ID de l\N{RIGHT SINGLE QUOTATION MARK}événement,Catégorie de la tâche\r\n"
    'Information,21/11/2026 21:40:12,Microsoft-Windows-Backup,4,Aucun,"La sauvegarde s\'est terminée,\navec succès."\r\n'
    "Erreur,20/11/2026 21:05:00,Microsoft-Windows-Backup,517,Aucun,Échec de la sauvegarde\r\n"
    "Information,19/11/2026 21:05:00,Microsoft-Windows-Security-Auditing,4688,Création,wbadmin.exe delete catalog -quiet\r\n"
)
CSV_EN = (
    "Level,Date and Time,Source,Event ID,Task Category\r\n"
    "Information,11/21/2026 9:40:12 PM,Microsoft-Windows-Backup,4,None,Completed\r\n"
    "Error,11/12/2026 9:05:00 AM,Microsoft-Windows-Backup,5,None,Failed\r\n"
)
