"""Veeam Backup & Replication in miniature: the REST answers this project reads, shaped as the vendor's reference."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.backup.fakes.tls import NOW, Fake, Reply, Request

USER, PASSWORD = "TILLEULS-BKP\\lecture", "MotDePasseFictif!2026"
ACCESS_TOKEN = "eyJhbGciOi.jeton.fictif"
HARD, LOCAL, BUCKET = "r-durci", "r-local", "r-objet"


def ago(**kw) -> str:
    """Seven decimals and an offset, as .NET writes."""
    return (NOW - timedelta(**kw)).strftime("%Y-%m-%dT%H:%M:%S.0000000+00:00")


def point(name: str, backup: str, malware: str = "Clean", **age) -> dict[str, Any]:
    return {
        "id": f"rp-{name}-{backup}-{age}",
        "name": name,
        "platformName": "VMware",
        "creationTime": ago(**age),
        "backupId": backup,
        "type": "Increment",
        "malwareStatus": malware,
        "originalSize": 80 * 2**30,
        "allowedOperations": [],
    }


def job(identity: str, name: str, kind="VSphereBackup", result="Success", status="inactive", **age) -> dict[str, Any]:
    row = {
        "id": identity,
        "name": name,
        "type": kind,
        "status": status,
        "lastResult": result,
        "repositoryName": "Durci",
    }
    return {**row, "lastRun": ago(**(age or {"hours": 9})), "objectsCount": 2}


def settings(identity: str, *, encrypted=True, disabled=False) -> dict[str, Any]:
    return {
        "id": identity,
        "isDisabled": disabled,
        "schedule": {"runAutomatically": True, "daily": {"isEnabled": True, "localTime": "22:00"}},
        "storage": {
            "backupRepositoryId": HARD,
            "advancedSettings": {
                "storageData": {"encryption": {"isEnabled": encrypted}},
                "notifications": {"emailNotifications": {"isEnabled": False}},
            },
        },
    }


class Veeam(Fake):
    """A healthy server; a test changes what it wants."""

    def __init__(self) -> None:
        super().__init__()
        self.revisions = {"1.3-rev0", "1.2-rev1", "1.1-rev0"}
        self.password = PASSWORD
        self.page = 500
        self.lists: dict[str, list[dict[str, Any]]] = {
            "/api/v1/backupInfrastructure/repositories": [
                {
                    "id": HARD,
                    "name": "Durci",
                    "type": "LinuxHardened",
                    "repository": {"makeRecentBackupsImmutableDays": 14},
                },
                {"id": LOCAL, "name": "Local", "type": "WinLocal", "repository": {"path": "D:\\Sauvegardes"}},
                {
                    "id": BUCKET,
                    "name": "Objet",
                    "type": "S3Compatible",
                    "bucket": {"bucketName": "b", "immutability": {"isEnabled": True, "daysCount": 30}},
                },
            ],
            "/api/v1/backupInfrastructure/repositories/states": [
                {"id": HARD, "name": "Durci", "capacityGB": 1000.0, "freeGB": 400.5, "usedSpaceGB": 599.5},
                {"id": LOCAL, "name": "Local", "capacityGB": 500.0, "freeGB": 10.0},
                {"id": BUCKET, "name": "Objet", "capacityGB": 0.0, "freeGB": 0.0},
            ],
            "/api/v1/backups": [
                {"id": "b-1", "name": "Quotidienne", "repositoryId": HARD, "jobId": "j-1"},
                {"id": "b-2", "name": "Copie", "repositoryId": BUCKET, "jobId": "j-2"},
                {"id": "b-3", "name": "Postes", "repositoryId": LOCAL, "jobId": "j-3"},
            ],
            "/api/v1/restorePoints": [
                point("dc01", "b-1", hours=10),
                point("dc01", "b-1", days=20),
                point("dui", "b-1", hours=10),
                point("dui", "b-2", days=3),
            ],
            "/api/v1/jobs/states": [
                job("j-1", "Quotidienne"),
                job("j-2", "Copie", kind="BackupCopy", result="Warning"),
                job("j-3", "Postes", status="disabled", result="None", days=90),
            ],
            "/api/v1/jobs": [settings("j-1"), settings("j-3", encrypted=False, disabled=True)],
            "/api/v1/sessions": [
                {
                    "id": "s-1",
                    "name": "Quotidienne",
                    "sessionType": "BackupJob",
                    "creationTime": ago(days=3),
                    "endTime": ago(days=3),
                    "state": "Stopped",
                    "result": {"result": "Failed", "message": "Snapshot creation failed", "isCanceled": False},
                }
            ],
            "/api/v1/securityAnalyzer/bestPractices": [
                {"id": "1", "bestPractice": "MfaEnabledInBackupConsole", "status": "OK"},
                {"id": "2", "bestPractice": "BackupServerInProductionDomain", "status": "Violation"},
                {"id": "3", "bestPractice": "SMB v1.0 should be disabled", "status": "Violation"},
                {"id": "4", "bestPractice": "LossProtectionEnabled", "status": "UnableToCheck"},
                {"id": "5", "bestPractice": "ContainBackupCopies", "status": "Suppressed", "note": "fait à la main"},
                {"id": "6", "bestPractice": "ConfigurationBackupRepositoryNotLocal", "status": "OK"},
            ],
        }
        self.objects: dict[str, Any] = {
            "/api/v1/serverInfo": {"vbrId": "fictif-1", "name": "bkp01", "buildVersion": "13.0.0.4967"},
            "/api/v1/configBackup": {
                "isEnabled": True,
                "backupRepositoryId": HARD,
                "encryption": {"isEnabled": True, "passwordId": "x"},
                "lastSuccessfulBackup": {"lastSuccessfulTime": ago(days=1), "sessionId": "s-9"},
            },
            "/api/v1/generalOptions/emailSettings": {"isEnabled": True, "smtpServerName": "smtp.tilleuls.test"},
        }

    def answer(self, request: Request) -> Any:
        if request.headers.get("x-api-version") not in self.revisions:
            return Reply({"errorCode": "NotSupported", "message": "revision"}, status=400)
        if request.path == "/api/v1/serverTime":
            return {"serverTime": ago(), "timeZone": "(UTC+01:00) Paris"}
        if request.path == "/api/oauth2/token":
            if request.form != {"grant_type": "password", "username": USER, "password": self.password}:
                return Reply({"errorCode": "AccessDenied", "message": request.form.get("password")}, status=401)
            return {"access_token": ACCESS_TOKEN, "token_type": "bearer", "expires_in": 900, "refresh_token": "r"}
        if request.headers.get("authorization") != f"Bearer {ACCESS_TOKEN}":
            return Reply(status=401)
        if request.path == "/api/oauth2/logout":
            return Reply(raw=b"")
        if request.path in self.objects:
            return self.objects[request.path]
        rows = self.lists.get(request.path)
        if rows is None:
            return Reply({"errorCode": "NotFound"}, status=404)
        skip, limit = int(request.query.get("skip", 0)), min(int(request.query.get("limit", 200)), self.page)
        part = rows[skip : skip + limit]
        return {"data": part, "pagination": {"total": len(rows), "count": len(part), "skip": skip, "limit": limit}}
