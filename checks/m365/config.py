"""Profile table `[m365]`: which tenant, how to sign in, which optional readings.

Imports no network library.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from checks.model import Record

Sign = Literal["device_code", "certificate", "client_secret", "token"]
_GUID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DOMAIN = re.compile(r"(?i)(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")

GRAPH = "graph.microsoft.com"
EXCHANGE = "outlook.office365.com"
COMPLIANCE = "ps.compliance.protection.outlook.com"
LOGIN = "login.microsoftonline.com"
TEAMS = "api.interfaces.records.teams.microsoft.com"


class M365Config(Record, frozen=True, kw_only=True):
    """What the profile says about Microsoft 365."""

    tenant: str = ""
    """Tenant id, or one of its domains. Empty: only `import_files` are read."""
    client_id: str = ""
    """Application registered for the audit."""
    sign_in: Sign = "device_code"
    secret_from: str = ""
    """Reference to the client secret, or to the pasted token."""
    certificate_file: str = ""
    """Absolute path of the PEM certificate of the application, with its private key."""
    key_from: str = ""
    """Reference to the password of that private key, when it has one."""
    import_files: tuple[str, ...] = ()
    """Exports to judge instead of, or besides, a live reading: ScubaGear, Graph JSON."""
    exchange: bool = True
    """Ask Exchange Online (application with Exchange.ManageAsApp and the Global Reader role)."""
    teams: bool = True
    inbox_rules: bool = False
    """Read inbox rules of every mailbox (MailboxSettings.Read): one request each, sensitive, off by default."""
    audit_query: bool = False
    """Start a search of the audit log (the only POST of the domain), to see that it answers."""
    sign_in_days: Annotated[int, msgspec.Meta(ge=1, le=30)] = 7
    max_users: Annotated[int, msgspec.Meta(ge=1, le=500_000)] = 50_000
    max_mailboxes: Annotated[int, msgspec.Meta(ge=0, le=50_000)] = 300
    """Mailboxes whose delegations are read, one request each; shared ones first."""
    max_requests: Annotated[int, msgspec.Meta(ge=1, le=200_000)] = 5_000
    graph_url: str = ""
    """Other place of Graph, for a national cloud or a laboratory; empty: the worldwide one."""
    exchange_url: str = ""
    compliance_url: str = ""
    teams_url: str = ""
    login_url: str = ""
    ca_file: str = ""
    """Authority of those other places."""
    break_glass: tuple[str, ...] = ()
    """Accounts kept for emergencies, which Conditional Access may leave out."""

    def __post_init__(self) -> None:
        """Refuse what could not be read; the message is shown with the place in the profile."""
        if self.tenant and not (_GUID.fullmatch(self.tenant) or _DOMAIN.fullmatch(self.tenant)):
            raise ValueError(f"« {self.tenant[:80]} » n'est ni un identifiant ni un domaine de locataire")
        if self.client_id and not _GUID.fullmatch(self.client_id):
            raise ValueError("client_id : un identifiant d'application (xxxxxxxx-xxxx-…) est attendu")
        if self.tenant and self.sign_in != "token" and not self.client_id:
            raise ValueError("client_id : l'application créée pour l'audit est nécessaire")
        if self.tenant and self.sign_in in ("client_secret", "token") and not self.secret_from:
            raise ValueError("secret_from : l'endroit où se trouve le secret ou le jeton est nécessaire")
        if self.tenant and self.sign_in == "certificate" and not self.certificate_file:
            raise ValueError("certificate_file : le certificat de l'application est nécessaire")
        if self.certificate_file and not Path(self.certificate_file).is_absolute():
            # Files named by a relative path are copied with the profile; this one holds a private key.
            raise ValueError("certificate_file : un chemin absolu est attendu, ce fichier contient une clé privée")
        if not self.tenant and not self.import_files:
            raise ValueError("« tenant » ou « import_files » est nécessaire")
        for url in (self.graph_url, self.exchange_url, self.compliance_url, self.teams_url, self.login_url):
            if url and not url.startswith("https://"):
                raise ValueError(f"« {url[:80]} » : une adresse en https:// est attendue")

    def places(self) -> dict[str, str]:
        """Base address of each service that this profile asks, by its name; none when only files are read."""
        if not self.tenant:
            return {}
        found = {"login": self.login_url or f"https://{LOGIN}", "graph": self.graph_url or f"https://{GRAPH}"}
        if self.exchange:
            found["exchange"] = self.exchange_url or f"https://{EXCHANGE}"
            found["compliance"] = self.compliance_url or f"https://{COMPLIANCE}"
        if self.teams:
            found["teams"] = self.teams_url or f"https://{TEAMS}"
        return {name: url.rstrip("/") for name, url in found.items()}

    def targets(self) -> tuple[str, ...]:
        """Names that the mandate must allow before anything starts."""
        return tuple(dict.fromkeys(urlsplit(url).hostname or url for url in self.places().values()))

    def tenants(self) -> tuple[str, ...]:
        """Tenants that the mandate must name before anything starts."""
        return (self.tenant,) if self.tenant else ()
