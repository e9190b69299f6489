"""A Synology NAS in miniature: discovery, sign-in, Hyper Backup, Active Backup and snapshots."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.backup.fakes.tls import NOW, Fake, Reply, Request

USER, PASSWORD, SID = "lecture", "MotDePasseFictif&2026", "sidfictif_0123456789abcdef"


def epoch(**age) -> int:
    return int((NOW - timedelta(**age)).timestamp())


def local(**age) -> str:
    """DSM writes the time of the NAS, Paris in winter."""
    return (NOW - timedelta(**age) + timedelta(hours=1)).strftime("%Y/%m/%d %H:%M")


def hyper(identity: int, name: str, **changes) -> dict[str, Any]:
    return {
        "task_id": identity,
        "name": name,
        "type": "image:image_local",
        "target_type": "image",
        "target_id": f"{name}.hbk",
        "data_enc": True,
        "state": "backupable",
        "status": "none",
        "schedule": {"schedule_enable": True, "hour": 3, "min": 0},
        "source": {"file_list": [{"folderPath": "/dui"}, {"folderPath": "/partage"}], "app_name_list": []},
        **changes,
    }


def active(identity: int, name: str, hosts=("dc01",), **changes) -> dict[str, Any]:
    return {
        "task_id": identity,
        "task_name": name,
        "backup_type": 3,
        "share_name": "ActiveBackupforBusiness",
        "devices": [{"device_id": rank, "host_name": host} for rank, host in enumerate(hosts)],
        "enable_encrypt_transfer": True,
        "enable_notify": True,
        "enable_verification": True,
        "storage_encrypt_algorithm": 1,
        "next_trigger_time": epoch(hours=-12),
        "sched_content": {"run_hour": 22, "run_min": 30, "repeat_type": "Daily"},
        "retention_policy": {"gfs_days": "7", "gfs_weeks": "4", "keep_all": False, "keep_versions": 10},
        "last_result": {"status": 2, "time_start": epoch(hours=14), "time_end": epoch(hours=13), "error_count": 0},
        "versions": [
            {"version_id": 2, "time_end": epoch(hours=13), "status": 3, "used_size": 0, "crypto_key_id": 4},
            {"version_id": 1, "time_end": epoch(hours=37), "status": 3, "used_size": 0, "crypto_key_id": 4},
        ],
        **changes,
    }


class Nas(Fake):
    """A healthy NAS; a test changes what it wants."""

    def __init__(self) -> None:
        super().__init__()
        self.password = PASSWORD
        self.codes: dict[str, int] = {}
        """Error code by `api.method`."""
        names = ("Auth", "DSM.Info", "Backup.Task", "Backup.Version", "ActiveBackup.Task", "ActiveBackup.Log")
        self.known = {
            f"SYNO.{'API.' if name == 'Auth' else ''}{name}": {"path": "entry.cgi", "minVersion": 1, "maxVersion": 7}
            for name in (*names, "Core.Share", "Core.Share.Snapshot")
        }
        self.data: dict[str, Any] = {
            "SYNO.DSM.Info.getinfo": {"model": "DS923+", "serial": "FICTIF0001", "version_string": "DSM 7.2.2-72806"},
            "SYNO.Backup.Task.list": {"task_list": [hyper(3, "Vers USB")], "total": 1},
            "SYNO.Backup.Task.status": {
                "state": "backupable",
                "status": "none",
                "last_bkp_result": "done",
                "last_bkp_end_time": local(hours=8),
                "last_bkp_success_time": local(hours=8),
            },
            "SYNO.Backup.Version.list": {
                "version_info_list": [
                    {"version_id": "12", "status": "available", "complete_time": epoch(hours=8)},
                    {"version_id": "13", "status": "cancelled", "complete_time": 0},
                ],
                "total": 2,
            },
            "SYNO.ActiveBackup.Task.list": {"tasks": [active(5, "Serveurs", ("dc01", "dui"))], "total": 1},
            "SYNO.ActiveBackup.Log.list_result": {
                "count": 1,
                "results": [{"task_name": "Serveurs", "status": 4, "time_end": epoch(days=4), "error_count": 2}],
            },
            "SYNO.Core.Share.Snapshot.list": {
                "snapshots": [
                    {
                        "time": "GMT+01-2026.11.22-02.00.00",
                        "worm_lock": True,
                        "worm_lock_day": "14",
                        "worm_lock_end": str(epoch(days=-13)),
                    }
                ],
                "total": 1,
            },
        }

    def answer(self, request: Request) -> Any:
        given = {**request.query, **request.form}
        api, method = given.get("api", ""), given.get("method", "")
        if request.path == "/webapi/query.cgi":
            asked = given.get("query", "").split(",")
            return {"data": {name: about for name, about in self.known.items() if name in asked}, "success": True}
        if f"{api}.{method}" in self.codes:
            return {"error": {"code": self.codes[f"{api}.{method}"]}, "success": False}
        if method == "login":
            if request.method != "POST" or "passwd" in request.query:
                return Reply(status=400)
            good = (given.get("account"), given.get("passwd")) == (USER, self.password)
            return {"data": {"sid": SID}, "success": True} if good else {"error": {"code": 400}, "success": False}
        if given.get("_sid") != SID:
            return {"error": {"code": 119}, "success": False}
        if method == "logout":
            return {"success": True}
        if f"{api}.{method}" not in self.data:
            return {"error": {"code": 103}, "success": False}
        return {"data": self.data[f"{api}.{method}"], "success": True}
