"""Seed the freshly provisioned directory: `ad.py PLAN.json`.

The plan, written by the runner from the site description, is
`{"functions": ["module.function", …], "bulk": {"users": n, "computers": n, "groups": n} | null,
"audit_account": name}`.
Everything happens in one offline transaction; any refused write ends the program, so a fault that is not there
can never be expected.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

from directory import NORMAL_ACCOUNT, Directory, random_password
from population import populate, populate_bulk

PASSWORD_FILE = Path("/var/lib/samba/audit-password")


def create_audit_account(directory: Directory, name: str) -> None:
    """Create the ordinary account of the audit (Domain Users only); its password goes to a root-only file."""
    password = random_password()
    directory.add(
        f"CN={name},OU=Informatique,OU=Les Tilleuls,{directory.base}",
        "user",
        sAMAccountName=name,
        userPrincipalName=f"{name}@{directory.realm}",
        description="Audit technique (compte ordinaire)",
        clearTextPassword=password.encode("utf-16-le"),
        userAccountControl=str(NORMAL_ACCOUNT),
    )
    descriptor = os.open(PASSWORD_FILE, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(password)


def main(plan_path: str) -> None:
    """Run the plan in one transaction, then what writes outside the database."""
    plan = json.loads(Path(plan_path).read_text(encoding="utf-8"))
    directory = Directory()
    after = []
    directory.db.transaction_start()
    try:
        populate(directory)
        create_audit_account(directory, plan["audit_account"])
        for name in plan["functions"]:
            module, function = name.split(".")
            later = getattr(importlib.import_module(module), function)(directory)
            if later is not None:
                after.append(later)
        if plan["bulk"]:
            populate_bulk(directory, **plan["bulk"])
    except BaseException:
        directory.db.transaction_cancel()
        raise
    directory.db.transaction_commit()
    for later in after:
        later()


if __name__ == "__main__":
    main(sys.argv[1])
