"""Writes made-up objects into the database of a lab controller. Runs under Debian's /usr/bin/python3 only.

Usage: independent_seed.py SAM_LDB SMB_CONF. Standard input: JSON, a list of {"dn", "class", "add", "join", "set"}; `add` is
given when the object is created, then `join` names a group it enters, then `set` is written past the checks of
passwords. Standard output: JSON, every account and group with its raw attributes, values as text (SIDs decoded).
"""

from __future__ import annotations

import json
import secrets
import sys

import ldb
from samba import dsdb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

READ = [
    "objectClass",
    "objectSid",
    "sAMAccountName",
    "userAccountControl",
    "pwdLastSet",
    "lastLogonTimestamp",
    "whenCreated",
    "primaryGroupID",
    "servicePrincipalName",
    "msDS-SupportedEncryptionTypes",
    "msDS-AllowedToDelegateTo",
    "sIDHistory",
    "adminCount",
    "operatingSystem",
    "memberOf",
    "dNSHostName",
    "logonCount",
]
BYPASS = [f"local_oid:{dsdb.DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID}:0", "relax:0"]


def plain(name: str, value: bytes) -> str:
    """Text of one value."""
    if name in {"objectSid", "sIDHistory"}:
        return str(ndr_unpack(security.dom_sid, bytes(value)))
    return bytes(value).decode("utf-8", "replace")


def write(db: SamDB, item: dict[str, object]) -> None:
    """Create one object, put it in its group, then set what only the database itself may set."""
    add = dict(item["add"])
    if item["class"] == "user":
        add["unicodePwd"] = f'"{secrets.token_urlsafe(18)}-aA9"'.encode("utf-16-le")
    db.add({"dn": item["dn"], "objectClass": item["class"], **add})
    if item["join"]:
        modify(db, item["join"], "member", [item["dn"]], ldb.FLAG_MOD_ADD)
    for name, values in item["set"].items():
        packed = [ndr_pack(security.dom_sid(text)) for text in values] if name == "sIDHistory" else values
        modify(db, item["dn"], name, packed, ldb.FLAG_MOD_REPLACE)


def modify(db: SamDB, dn: str, name: str, values: list[object], how: int) -> None:
    """Write one attribute."""
    message = ldb.Message(ldb.Dn(db, dn))
    message[name] = ldb.MessageElement(values, how, name)
    db.modify(message, BYPASS if how == ldb.FLAG_MOD_REPLACE else [])


def read(db: SamDB, expression: str) -> list[dict[str, object]]:
    """Everything found, raw."""
    found = db.search(db.domain_dn(), ldb.SCOPE_SUBTREE, expression, attrs=READ)
    return [{"dn": str(m.dn)} | {name: [plain(name, v) for v in m[name]] for name in READ if name in m} for m in found]


def main(url: str, settings: str) -> None:
    """Write, then tell what the directory holds."""
    parameters = LoadParm()
    parameters.load(settings)
    db = SamDB(url=url, session_info=system_session(), lp=parameters)
    for item in json.load(sys.stdin):
        write(db, item)
    answer = {"accounts": read(db, "(objectClass=user)"), "groups": read(db, "(objectClass=group)")}
    json.dump(answer | {"sid": str(db.get_domain_sid())}, sys.stdout)


main(sys.argv[1], sys.argv[2])
