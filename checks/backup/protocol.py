"""Protocol of a full restore test that a structure runs itself, in plain words. Our own text."""

from __future__ import annotations

PROTOCOL: tuple[tuple[str, str], ...] = (
    (
        "Avant",
        (
            "Choisir un système critique et un seul. Noter son référent métier, et la date d'un essai hors "
            "période de paie ou d'évaluation."
        ),
    ),
    (
        "Avant",
        (
            "Prévenir la direction et le prestataire, par écrit : ce qui sera restauré, où, par qui, et qui "
            "peut tout arrêter."
        ),
    ),
    (
        "Avant",
        (
            "Préparer une machine d'essai débranchée du réseau de production (ou un réseau isolé), assez "
            "grande pour le système."
        ),
    ),
    (
        "Avant",
        (
            "Demander au référent trois éléments récents et trois anciens qu'il saura reconnaître, par "
            "exemple six dossiers. Les noter sur papier."
        ),
    ),
    (
        "Pendant",
        ("Lancer le chronomètre. Sortir la clé ou le mot de passe de son enveloppe, comme si le serveur était perdu."),
    ),
    ("Pendant", "Choisir un point d'au moins deux jours, pas le dernier : c'est ce qui arrive après une attaque."),
    ("Pendant", "Restaurer sur la machine d'essai, jamais sur la production. Noter l'heure de début et de fin."),
    ("Pendant", "Démarrer la base et le logiciel restaurés. Noter chaque erreur, même corrigée."),
    ("Pendant", "Vérifier qu'aucun message, ordre de paiement ou rappel ne part de la machine d'essai."),
    (
        "Pendant",
        (
            "Le référent métier ouvre les six éléments, et dit pour chacun : présent, complet, à jour à la "
            "date du point."
        ),
    ),
    (
        "Pendant",
        ("Arrêter le chronomètre quand le référent dit : « je pourrais travailler ». C'est la durée réelle du retour."),
    ),
    (
        "Après",
        (
            "Comparer cette durée et la date du point avec ce que l'établissement accepte (feuille « Plan de"
            " sauvegarde »)."
        ),
    ),
    (
        "Après",
        (
            "Effacer les données restaurées et la machine d'essai. Noter qui l'a fait, et remettre la clé "
            "sous une enveloppe neuve."
        ),
    ),
    (
        "Après",
        (
            "Remplir une ligne de la feuille « Essais de restauration », la faire signer par le référent et "
            "la direction."
        ),
    ),
    ("Après", "Décider de ce qui doit changer, avec un responsable et une date. Fixer la date du prochain essai."),
)
"""When, and what to do."""
