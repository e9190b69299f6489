"""Numbers Windows gives to what a directory holds: account flags, well-known RIDs and SIDs, support dates.

Sources: MS-ADTS (userAccountControl, trustAttributes), MS-DTYP (well-known SIDs), Microsoft lifecycle pages.
"""

from __future__ import annotations

import re
from datetime import date

# userAccountControl, MS-ADTS 2.2.16
ACCOUNT_DISABLED = 0x2
PASSWORD_NOT_REQUIRED = 0x20
REVERSIBLE_PASSWORD = 0x80
INTERDOMAIN_TRUST = 0x800
WORKSTATION_TRUST = 0x1000
SERVER_TRUST = 0x2000
PASSWORD_NEVER_EXPIRES = 0x10000
TRUSTED_FOR_DELEGATION = 0x80000
NOT_DELEGATED = 0x100000
DES_ONLY = 0x200000
NO_PREAUTH = 0x400000
PROTOCOL_TRANSITION = 0x1000000
PARTIAL_SECRETS = 0x4000000

# msDS-SupportedEncryptionTypes, MS-KILE 2.2.7
DES = 0x3
RC4 = 0x4
AES = 0x18

# pwdProperties, MS-SAMR 2.2.1.9
COMPLEX_PASSWORDS = 0x1
CLEARTEXT_PASSWORDS = 0x10

# trustDirection and trustAttributes, MS-ADTS 6.1.6.7
INBOUND = 1
OUTBOUND = 2
WINDOWS_TRUST = 2
QUARANTINED = 0x4
FOREST_TRANSITIVE = 0x8
WITHIN_FOREST = 0x20
TREAT_AS_EXTERNAL = 0x40
TGT_DELEGATION = 0x800

ADMINISTRATOR = 500
GUEST = 501
KRBTGT = 502
DOMAIN_ADMINS = 512
DOMAIN_USERS = 513
DOMAIN_GUESTS = 514
DOMAIN_COMPUTERS = 515
DOMAIN_CONTROLLERS = 516
SCHEMA_ADMINS = 518
ENTERPRISE_ADMINS = 519
READ_ONLY_CONTROLLERS = 521
PROTECTED_USERS = 525
FIRST_ORDINARY_RID = 1000

ANONYMOUS = "S-1-5-7"
AUTHENTICATED_USERS = "S-1-5-11"
BUILTIN_ADMINISTRATORS = "S-1-5-32-544"
PRE_WINDOWS_2000 = "S-1-5-32-554"

PRIVILEGED_BUILTIN = frozenset({BUILTIN_ADMINISTRATORS, "S-1-5-32-548", "S-1-5-32-549", "S-1-5-32-550", "S-1-5-32-551"})
"""Administrators and the account, server, print and backup operators."""
PRIVILEGED_RIDS = frozenset({DOMAIN_ADMINS, DOMAIN_CONTROLLERS, SCHEMA_ADMINS, ENTERPRISE_ADMINS, 526, 527})
"""With Key Admins (526) and Enterprise Key Admins (527)."""
TIER0_SIDS = frozenset({"S-1-5-18", "S-1-5-9", "S-1-5-10", "S-1-3-0", "S-1-3-4"}) | PRIVILEGED_BUILTIN
"""With SYSTEM, Enterprise Domain Controllers, Self, Creator Owner and Owner Rights: their rights are normal."""
FOREST_RIDS = frozenset({498, SCHEMA_ADMINS, ENTERPRISE_ADMINS, 527})
"""Groups of the forest root, whose rights are normal in every domain of the forest."""
TIER0_RIDS = PRIVILEGED_RIDS | {498, ADMINISTRATOR, READ_ONLY_CONTROLLERS}

AZURE_AD_KERBEROS = "azureadkerberos$"
"""sAMAccountName of the controller object Entra ID uses for Kerberos: no machine behind it."""
DNS_ADMINS = "dnsadmins"
"""sAMAccountName of DnsAdmins, which has no fixed RID and is not translated."""


RID_DIGITS = 10
"""A sub-authority is 32 bits."""


def rid(sid: str) -> int:
    """Return the last sub-authority of a SID, -1 when the text is not a SID."""
    last = sid.rpartition("-")[2]
    return int(last) if last.isdecimal() and len(last) <= RID_DIGITS else -1


# End of free security updates, https://learn.microsoft.com/lifecycle/products/ . Paid extensions (ESU) are a
# contract the directory does not show.
_SERVER_YEARS = {
    "2000": date(2010, 7, 13),
    "2003": date(2015, 7, 14),
    "2008": date(2020, 1, 14),
    "2011": date(2020, 1, 14),  # Small Business Server 2011, a 2008 R2
    "2012": date(2023, 10, 10),
    "2016": date(2027, 1, 12),
    "2019": date(2029, 1, 9),
    "2022": date(2031, 10, 14),
    "2025": date(2034, 11, 14),
}
_CLIENT_NAMES = {
    "nt": date(2004, 6, 30),
    "2000": date(2010, 7, 13),
    "xp": date(2014, 4, 8),
    "vista": date(2017, 4, 11),
    "7": date(2020, 1, 14),
    "8": date(2016, 1, 12),
    "8.1": date(2023, 1, 10),
}
# build -> (Home and Pro, Enterprise and Education)
_CLIENT_BUILDS = {
    10240: (date(2017, 5, 9), date(2017, 5, 9)),
    10586: (date(2017, 10, 10), date(2018, 4, 10)),
    14393: (date(2018, 4, 10), date(2019, 4, 9)),
    15063: (date(2018, 10, 9), date(2019, 10, 8)),
    16299: (date(2019, 4, 9), date(2020, 10, 13)),
    17134: (date(2019, 11, 12), date(2021, 5, 11)),
    17763: (date(2020, 11, 10), date(2021, 5, 11)),
    18362: (date(2020, 12, 8), date(2020, 12, 8)),
    18363: (date(2021, 5, 11), date(2022, 5, 10)),
    19041: (date(2021, 12, 14), date(2021, 12, 14)),
    19042: (date(2022, 5, 10), date(2023, 5, 9)),
    19043: (date(2022, 12, 13), date(2022, 12, 13)),
    19044: (date(2023, 6, 13), date(2024, 6, 11)),
    19045: (date(2025, 10, 14), date(2025, 10, 14)),
    22000: (date(2023, 10, 10), date(2024, 10, 8)),
    22621: (date(2024, 10, 8), date(2025, 10, 14)),
    22631: (date(2025, 11, 11), date(2026, 11, 10)),
    26100: (date(2026, 10, 13), date(2027, 10, 12)),
    26200: (date(2027, 10, 12), date(2028, 10, 10)),
}
_LONG_TERM_BUILDS = {
    10240: date(2025, 10, 14),
    14393: date(2026, 10, 13),
    17763: date(2029, 1, 9),
    19044: date(2027, 1, 12),
    26100: date(2029, 10, 9),
}
_SERVER_CHANNEL_BUILDS = {
    16299: date(2019, 4, 9),
    17134: date(2019, 11, 12),
    17763: date(2020, 11, 10),
    18362: date(2020, 12, 8),
    18363: date(2021, 5, 11),
    19041: date(2021, 12, 14),
    19042: date(2022, 8, 9),
    25398: date(2025, 10, 24),
}
_BUILD = re.compile(r"\((\d{4,6})\)")
_CLIENT_NAME = re.compile(r"windows\W+(nt|2000|xp|vista|7|8\.1|8|10|11)\b")
_YEAR = re.compile(r"\b(20\d\d)\b")
_LONG_TERM = re.compile(r"\blts[bc]\b")
_LARGE_EDITION = re.compile(r"enterprise|entreprise|education|éducation")


def support_end(system: str, version: str) -> date | None:
    """Return the day free updates stop for `operatingSystem` and `operatingSystemVersion`; None when unknown.

    Names are those Windows writes in English or French ("Windows 10 Professionnel", "10.0 (19045)").
    """
    name = system.casefold().replace("®", "").replace("™", "").replace("\xa0", " ")
    found = _BUILD.search(version)
    build = int(found[1]) if found else 0
    if "server" in name:
        year = _YEAR.search(name)
        return _SERVER_YEARS.get(year[1]) if year else _SERVER_CHANNEL_BUILDS.get(build)
    client = _CLIENT_NAME.search(name)
    if client is None:
        return None
    if client[1] not in {"10", "11"}:
        return _CLIENT_NAMES[client[1]]
    if _LONG_TERM.search(name):
        return _LONG_TERM_BUILDS.get(build)
    dates = _CLIENT_BUILDS.get(build)
    return dates[1 if _LARGE_EDITION.search(name) else 0] if dates else None


_LEVELS = {"2008 r2": 4, "2008": 3, "2012 r2": 6, "2012": 5, "2016": 7, "2019": 7, "2022": 7, "2025": 10}


def controller_level(system: str) -> int | None:
    """Return the msDS-Behavior-Version a controller of that system shows; None for other systems."""
    name = system.casefold().replace("®", "")
    if "server" not in name:
        return None
    return next((level for words, level in _LEVELS.items() if words in name), None)


LEVEL_NAMES = {
    0: "2000",
    1: "2003 mixte",
    2: "2003",
    3: "2008",
    4: "2008 R2",
    5: "2012",
    6: "2012 R2",
    7: "2016",
    10: "2025",
}


def level_name(level: int | None) -> str:
    """Return the Windows Server year of a functional level, for people."""
    if level is None:
        return "inconnu"
    return f"Windows Server {LEVEL_NAMES.get(level, str(level))}"
