"""Questions of the profile that only people can answer about their backups."""

from __future__ import annotations

from typing import NamedTuple


class Question(NamedTuple):
    """One key of `[questions]`."""

    key: str
    example: str
    """A TOML value."""
    text: str
    """The question, as asked to the structure."""


QUESTIONS = (
    Question("backup_exists", "true", "L'établissement a-t-il des sauvegardes ?"),
    Question(
        "backup_policy_validated",
        "2026-01-15",
        "Quand la direction a-t-elle validé la politique de sauvegarde ? (ou false)",
    ),
    Question("backup_policy_providers", "true", "Couvre-t-elle les prestataires et les services en ligne ?"),
    Question("backup_plan_reviewed", "2026-06-01", "Quand le plan de sauvegarde a-t-il été revu ? (ou false)"),
    Question("backup_red_button", "true", "Une procédure écrite dit-elle comment isoler d'urgence les sauvegardes ?"),
    Question("backup_supervision", "true", "Quelqu'un de désigné regarde-t-il les résultats chaque jour ouvré ?"),
    Question("backup_failure_alert", "true", "Quelqu'un est-il prévenu d'une sauvegarde en échec ?"),
    Question("backup_key_escrow", "true", "Clés et mots de passe des copies sont-ils gardés hors du système ?"),
    Question("backup_offline_copy", "true", "Une copie est-elle débranchée ou au coffre ?"),
    Question("backup_restore_test_date", "2026-03-10", "Date du dernier essai de restauration réussi ? (ou false)"),
    Question("backup_restore_referent", "true", "Un référent métier a-t-il vérifié ce qui a été restauré ?"),
    Question("backup_has_directory", "true", "Y a-t-il un annuaire Active Directory ?"),
    Question("backup_m365_used", "true", "Messagerie ou fichiers sont-ils dans Microsoft 365 ?"),
    Question("backup_m365_saved", "false", "Un produit copie-t-il Microsoft 365 ailleurs ?"),
    Question(
        "backup_firewall_configuration", "true", "La configuration du pare-feu est-elle gardée hors de l'équipement ?"
    ),
)
