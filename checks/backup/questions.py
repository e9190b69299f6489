"""Questions of the profile that only people can answer about their backups."""

from __future__ import annotations

from typing import NamedTuple


class Question(NamedTuple):
    """One key of `[questions]`."""

    key: str
    example: str
    """A TOML value."""
    text: str


QUESTIONS = (
    Question("backup_exists", "true", "false si l'établissement n'a aucune sauvegarde"),
    Question("backup_policy_validated", "2026-01-15", "validation de la politique de sauvegarde par la direction"),
    Question("backup_policy_providers", "true", "la politique couvre les prestataires et les services en ligne"),
    Question(
        "backup_plan_reviewed", "2026-06-01", "dernière mise à jour du plan de sauvegarde ; false s'il n'y en a pas"
    ),
    Question("backup_red_button", "true", "procédure écrite pour isoler d'urgence les sauvegardes"),
    Question("backup_supervision", "true", "quelqu'un de désigné regarde les résultats chaque jour ouvré"),
    Question("backup_failure_alert", "true", "quelqu'un est prévenu d'une sauvegarde en échec"),
    Question("backup_key_escrow", "true", "clés et mots de passe des copies gardés hors du système"),
    Question("backup_offline_copy", "true", "une copie est débranchée ou au coffre"),
    Question("backup_restore_test_date", "2026-03-10", "dernier essai de restauration réussi ; false si jamais"),
    Question("backup_restore_referent", "true", "un référent métier a vérifié ce qui a été restauré"),
    Question("backup_has_directory", "true", "false s'il n'y a pas d'annuaire Active Directory"),
    Question("backup_m365_used", "true", "messagerie ou fichiers dans Microsoft 365"),
    Question("backup_m365_saved", "false", "un produit copie Microsoft 365 ailleurs"),
    Question("backup_firewall_configuration", "true", "configuration du pare-feu gardée hors de l'équipement"),
)
