"""A real S3 server on loopback (moto), and a client of its own to fill it."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

NAME = "stockage.tilleuls.test"
ACCESS, SECRET = "AKIAFICTIFTILLEULS00", "cleSecreteFictive/0123456789abcdefghijkl"
_numbers = itertools.count()


class Store:
    """Where the server is, and shortcuts to prepare a bucket."""

    def __init__(self, port: int, client: Any) -> None:
        self.port = port
        self.client = client

    def bucket(self, *, lock: bool = False, versioning: str = "", default: tuple[str, int] | None = None) -> str:
        name = f"copies-{os.getpid()}-{next(_numbers)}"
        self.client.create_bucket(Bucket=name, **({"ObjectLockEnabledForBucket": True} if lock else {}))
        if versioning:
            for status in ("Enabled", versioning):
                self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
        if default:
            mode, days = default
            self.client.put_object_lock_configuration(
                Bucket=name,
                ObjectLockConfiguration={
                    "ObjectLockEnabled": "Enabled",
                    "Rule": {"DefaultRetention": {"Mode": mode, "Days": days}},
                },
            )
        return name

    def put(
        self, bucket: str, key: str, body: bytes = b"contenu", *, mode: str = "", until: datetime | None = None, **extra
    ):
        kept = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until} if mode else {}
        return self.client.put_object(Bucket=bucket, Key=key, Body=body, **kept, **extra)


@contextmanager
def serving() -> Iterator[Store]:
    """Run the server for as long as the tests need it."""
    boto3 = pytest.importorskip("boto3", reason="boto3 n'est pas installé")
    moto_server = pytest.importorskip("moto.server", reason="moto[server] n'est pas installé")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        client = boto3.session.Session().client(
            "s3",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
        )
        yield Store(port, client)
        client.close()
    finally:
        server.stop()
