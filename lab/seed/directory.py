"""A thin hand on the offline Samba database: ages, flags, memberships.

Runs under Debian's /usr/bin/python3 only (the `samba` bindings live there).
"""

from __future__ import annotations

import secrets
import time

import ldb
from samba import dsdb, sd_utils
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

DAY = 86400
_FILETIME_EPOCH = 11644473600
"""Seconds between 1601 and 1970."""

ACCOUNTDISABLE = 0x2
PASSWD_NOTREQD = 0x20
REVERSIBLE = 0x80
NORMAL_ACCOUNT = 0x200
WORKSTATION = 0x1000
SERVER_TRUST = 0x2000
DONT_EXPIRE = 0x10000
TRUSTED_FOR_DELEGATION = 0x80000
NOT_DELEGATED = 0x100000
DES_ONLY = 0x200000
NO_PREAUTH = 0x400000
PROTOCOL_TRANSITION = 0x1000000

BYPASS_PASSWORD = f"local_oid:{dsdb.DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID}:0"
"""Lets pwdLastSet be written as it is."""
RELAX = "relax:0"
PROVISION = "provision:0"
"""Lets objects be created that only the making of a domain creates."""
TRUST_ACCOUNT = f"local_oid:{dsdb.DSDB_CONTROL_PERMIT_INTERDOMAIN_TRUST_UAC_OID}:0"


def random_password() -> str:
    """Return a password nobody will ever type; it satisfies any complexity rule."""
    return f"{secrets.token_urlsafe(18)}-aA9"


class Directory:
    """The domain being seeded."""

    def __init__(self, settings: str = "/etc/samba/smb.conf", *, batch: bool = True) -> None:
        parameters = LoadParm()
        parameters.load(settings)
        parameters.set("dsdb:schema update allowed", "yes")
        self.parameters = parameters
        # Without batch_mode a large transaction costs quadratic time; with it, the schema cannot be changed.
        self.db = SamDB(
            url="/var/lib/samba/private/sam.ldb",
            session_info=system_session(),
            lp=parameters,
            options=["batch_mode:1"] if batch else [],
        )
        self.base = self.db.domain_dn()
        self.config = str(self.db.get_config_basedn())
        self.schema = str(self.db.get_schema_basedn())
        self.sid = str(self.db.get_domain_sid())
        self.realm = self.db.domain_dns_name()
        self.acl = sd_utils.SDUtils(self.db)
        self._dns: dict[str, str] = {}

    def days_ago(self, days: float) -> str:
        """Return the FILETIME of a moment in the past."""
        return str(int((time.time() - days * DAY + _FILETIME_EPOCH) * 10_000_000))

    def generalized(self, days: float) -> str:
        """Return the generalized time of a moment in the past."""
        return time.strftime("%Y%m%d%H%M%S.0Z", time.gmtime(time.time() - days * DAY))

    def add(self, dn: str, object_class: str, controls: list[str] | None = None, **attributes: object) -> str:
        """Create an object and return its DN."""
        self.db.add({"dn": dn, "objectClass": object_class, **attributes}, controls or [])
        return dn

    def set(self, dn: str, controls: list[str] | None = None, **attributes: object) -> None:
        """Replace attributes of an object; an empty list removes the attribute."""
        message = ldb.Message(ldb.Dn(self.db, dn))
        for name, value in attributes.items():
            attribute = name.replace("__", "-")
            message[attribute] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, attribute)
        self.db.modify(message, controls or [])

    def exists(self, dn: str) -> bool:
        """Tell whether an object exists (a refused write would spoil the whole batch transaction)."""
        relative, parent = dn.split(",", 1)
        return len(self.db.search(parent, ldb.SCOPE_ONELEVEL, f"({relative})", attrs=["dn"])) == 1

    def dn(self, sam: str) -> str:
        """Return the DN of an account or group known by its sAMAccountName."""
        if sam not in self._dns:
            found = self.db.search(
                self.base, ldb.SCOPE_SUBTREE, f"(sAMAccountName={ldb.binary_encode(sam)})", attrs=["dn"]
            )
            if len(found) != 1:
                raise LookupError(f"{len(found)} objects named {sam}")
            self._dns[sam] = str(found[0].dn)
        return self._dns[sam]

    def value(self, dn: str, attribute: str) -> bytes:
        """Return the first value of an attribute."""
        return bytes(self.db.search(dn, ldb.SCOPE_BASE, attrs=[attribute])[0][attribute][0])

    def sid_of(self, sam: str) -> str:
        """Return the SID of an account as text."""
        return str(ndr_unpack(security.dom_sid, self.value(self.dn(sam), "objectSid")))

    def packed_sid(self, text: str) -> bytes:
        """Return a SID in its binary form."""
        return ndr_pack(security.dom_sid(text))

    def packed_sd(self, sddl: str) -> bytes:
        """Return a security descriptor in its binary form."""
        return ndr_pack(security.descriptor.from_sddl(sddl, security.dom_sid(self.sid)))

    def flags(self, sam: str, add: int = 0, remove: int = 0) -> None:
        """Set and clear bits of userAccountControl."""
        dn = self.dn(sam)
        current = int(self.value(dn, "userAccountControl"))
        self.set(dn, userAccountControl=str((current | add) & ~remove))

    def age(
        self,
        sam: str,
        password: float | None = None,
        logon: float | None = None,
        created: float | None = None,
    ) -> None:
        """Move the dates of an account back, in days."""
        dn = self.dn(sam)
        if password is not None:
            self.set(dn, [BYPASS_PASSWORD], pwdLastSet=self.days_ago(password))
        if logon is not None:
            self.set(dn, lastLogonTimestamp=self.days_ago(logon), lastLogon=self.days_ago(logon), logonCount="12")
        if created is not None:
            self.set(dn, [RELAX], whenCreated=self.generalized(created))

    def join(self, group: str, *members: str) -> None:
        """Add members to a group."""
        self.db.add_remove_group_members(group, list(members), add_members_operation=True)

    def leave(self, group: str, *members: str) -> None:
        """Take members out of a group."""
        self.db.add_remove_group_members(group, list(members), add_members_operation=False)
