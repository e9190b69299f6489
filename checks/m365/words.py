"""Names of what Microsoft sells, and what each licence lets set and see, in French.

Product identifiers and service plans: Microsoft, "Product names and service plan identifiers for licensing".
"""

from __future__ import annotations

from checks.m365.facts import Licences
from checks.m365.resources import DEFENDER_OFFICE, INTUNE, P1, P2
from checks.model import Record

PRODUCTS = {
    "SPB": "Microsoft 365 Business Premium",
    "O365_BUSINESS_PREMIUM": "Microsoft 365 Business Standard",
    "O365_BUSINESS_ESSENTIALS": "Microsoft 365 Business Basic",
    "SMB_BUSINESS_ESSENTIALS": "Microsoft 365 Business Basic",
    "SMB_BUSINESS_PREMIUM": "Microsoft 365 Business Standard",
    "O365_BUSINESS": "Applications Microsoft 365 pour les PME",
    "SMB_BUSINESS": "Applications Microsoft 365 pour les PME",
    "OFFICESUBSCRIPTION": "Applications Microsoft 365 pour les grandes entreprises",
    "STANDARDPACK": "Office 365 E1",
    "ENTERPRISEPACK": "Office 365 E3",
    "ENTERPRISEPREMIUM": "Office 365 E5",
    "SPE_E3": "Microsoft 365 E3",
    "SPE_E5": "Microsoft 365 E5",
    "SPE_F1": "Microsoft 365 F3",
    "M365_F1": "Microsoft 365 F1",
    "DESKLESSPACK": "Office 365 F3",
    "EXCHANGESTANDARD": "Exchange Online (plan 1)",
    "EXCHANGEENTERPRISE": "Exchange Online (plan 2)",
    "EXCHANGEDESKLESS": "Exchange Online Kiosk",
    "AAD_PREMIUM": "Entra ID P1",
    "AAD_PREMIUM_P2": "Entra ID P2",
    "ATP_ENTERPRISE": "Defender pour Office 365 (plan 1)",
    "THREAT_INTELLIGENCE": "Defender pour Office 365 (plan 2)",
    "INTUNE_A": "Intune (plan 1)",
    "EMS": "Enterprise Mobility + Security E3",
    "EMSPREMIUM": "Enterprise Mobility + Security E5",
    "FLOW_FREE": "Power Automate (gratuit)",
    "POWER_BI_STANDARD": "Power BI (gratuit)",
    "TEAMS_EXPLORATORY": "Teams, offre d'essai",
}
"""`skuPartNumber` to the name on the invoice."""


class Plan(Record, frozen=True, kw_only=True):
    """What one licence brings."""

    plans: tuple[str, ...]
    """Service plans, any of which is enough."""
    name: str
    sets: str
    sees: str
    without: str
    """What remains without it."""


PLANS = (
    Plan(
        plans=(P1, P2),
        name="Entra ID P1 (compris dans Business Premium)",
        sets="Accès conditionnel, liste de mots de passe interdits",
        sees="Connexions sur 30 jours, comptes inutilisés, second facteur de chacun",
        without="Paramètres de sécurité par défaut, connexions sur 7 jours dans le portail",
    ),
    Plan(
        plans=(P2,),
        name="Entra ID P2",
        sets="Rôles d'administration activés à la demande, blocage selon le risque",
        sees="Comptes et connexions à risque",
        without="Rôles permanents, à revoir à la main",
    ),
    Plan(
        plans=(DEFENDER_OFFICE,),
        name="Defender pour Office 365 (compris dans Business Premium)",
        sets="Liens et pièces jointes examinés, protection de l'imitation",
        sees="Clics sur des liens dangereux, alertes",
        without="Anti-spam et antivirus d'Exchange Online",
    ),
    Plan(
        plans=(INTUNE,),
        name="Intune (compris dans Business Premium)",
        sets="Chiffrement et règles des postes et téléphones",
        sees="État de chaque appareil",
        without="Rien : les appareils ne sont pas gérés par Microsoft 365",
    ),
    Plan(
        plans=("M365_ADVANCED_AUDITING",),
        name="Audit Premium (compris dans E5)",
        sets="Durée de conservation du journal d'audit",
        sees="Journal d'audit sur un an",
        without="Journal d'audit sur 180 jours",
    ),
)


def product(sku: str) -> str:
    """The name of a product; its identifier when it is not a common one."""
    return PRODUCTS.get(sku, sku)


def has_plan(found: Licences, plan: Plan) -> bool:
    """Whether the tenant bought it."""
    return any(one in found.plans for one in plan.plans)
