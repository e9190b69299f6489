"""Proxmox Backup Server in miniature: the answers of `/api2/json`, shaped as its API types."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.backup.fakes.tls import NOW, Fake, Reply, Request

TOKEN = "audit@pbs!ausculte"
SECRET = "5ad0b7a3-fictif-0000-9999-abcdefabcdef"


def epoch(**ago) -> int:
    return int((NOW - timedelta(**ago)).timestamp())


def upid(**ago) -> str:
    return f"UPID:pbs:000003E8:00001234:00000001:{epoch(**ago):08X}:verificationjob:depot\\x3av-01:root@pam:"


def snapshot(identity: str, *, kind="vm", name="", state="ok", protected=False, crypt="encrypt", size=10**9, **ago):
    row: dict[str, Any] = {
        "backup-type": kind,
        "backup-id": identity,
        "backup-time": epoch(**(ago or {"hours": 10})),
        "files": [
            {"filename": "drive-scsi0.img.fidx", "crypt-mode": crypt, "size": size},
            {"filename": "index.json.blob", "crypt-mode": "sign-only", "size": 500},
            {"filename": "client.log.blob", "crypt-mode": "none"},
        ],
        "owner": "pve@pbs!noeud1",
        "protected": protected,
        "size": size,
    }
    if name:
        row["comment"] = name
    if state:
        row["verification"] = {"state": state, "upid": upid(hours=3)}
    return row


class Pbs(Fake):
    """A healthy server with one datastore; a test changes what it wants."""

    def __init__(self) -> None:
        super().__init__()
        self.data: dict[str, Any] = {
            "/version": {"version": "3.4", "release": "1", "repoid": "fictif"},
            "/admin/datastore": [{"store": "depot", "comment": "", "mount-status": "nonremovable"}],
            "/admin/datastore/depot/status": {"total": 8 * 10**12, "used": 5 * 10**12, "avail": 3 * 10**12},
            "/admin/datastore/depot/namespace": [{"ns": ""}, {"ns": "tilleuls"}],
            "/admin/verify": [
                {
                    "id": "v-01",
                    "store": "depot",
                    "schedule": "daily",
                    "last-run-state": "OK",
                    "last-run-endtime": epoch(hours=3),
                }
            ],
            "/admin/sync": [
                {
                    "id": "s-01",
                    "store": "copie",
                    "remote": "distant",
                    "remote-store": "depot",
                    "schedule": "hourly",
                    "remove-vanished": False,
                    "last-run-state": "WARNINGS: 1",
                    "last-run-endtime": epoch(hours=1),
                }
            ],
            "/admin/prune": [{"id": "p-01", "store": "depot", "schedule": "daily", "keep-daily": 14, "keep-weekly": 8}],
            "/config/tape-backup-job": [],
            "/nodes/localhost/tasks": [
                {
                    "upid": upid(days=2),
                    "node": "pbs",
                    "pid": 1000,
                    "pstart": 4660,
                    "starttime": epoch(days=2),
                    "endtime": epoch(days=2),
                    "worker_type": "backup",
                    "worker_id": "depot:vm/102",
                    "user": "pve@pbs!noeud1",
                    "status": "connection error: timed out",
                }
            ],
            "/access/users": [{"userid": "root@pam", "enable": True}, {"userid": "pve@pbs"}, {"userid": "audit@pbs"}],
            "/access/domains": [{"realm": "pam", "type": "pam"}, {"realm": "pbs", "type": "pbs"}],
            "/access/tfa": [
                {"userid": name, "entries": [{"type": "totp"}]} for name in ("root@pam", "pve@pbs", "audit@pbs")
            ],
            "/access/acl": [
                {
                    "path": "/datastore/depot",
                    "ugid": "pve@pbs!noeud1",
                    "ugid_type": "user",
                    "roleid": "DatastoreBackup",
                },
                {"path": "/", "ugid": TOKEN, "ugid_type": "user", "roleid": "Audit"},
            ],
        }
        self.snapshots: dict[str, list[dict[str, Any]]] = {
            "": [snapshot("101", name="dc01", hours=34), snapshot("101", name="dc01"), snapshot("102", name="dui")],
            "tilleuls": [snapshot("fichiers", kind="host")],
        }

    def answer(self, request: Request) -> Any:
        if request.headers.get("authorization") != f"PBSAPIToken={TOKEN}:{SECRET}":
            return Reply({"message": "permission check failed"}, status=401)
        path = request.path.removeprefix("/api2/json")
        if path == "/admin/datastore/depot/snapshots":
            return {"data": self.snapshots.get(request.query.get("ns", ""), [])}
        if path not in self.data:
            return Reply({"message": "Path not found"}, status=404)
        return {"data": self.data[path]}
