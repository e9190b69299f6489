"""Collection of Microsoft 365 tenants of 1,000 and 20,000 accounts from the fake services, over TLS on loopback.

Each collection runs in a fresh process, the services in another one: seconds, peak memory and requests are those of the
collection alone. Then the same list of accounts is read twice, with our client and with the typed models of
msgraph-sdk (an environment of its own, 470 MB, made on the first run), each on the same server.

    python -m benchmarks.m365            python -m benchmarks.m365 --no-sdk
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

TARGETS = {1_000: 3.0, 20_000: 25.0}
"""Accounts to seconds."""
MEMORY_TARGET = 300
"""MiB, peak of the process."""
SDK = ("msgraph-sdk==1.65.0", "azure-identity==1.27.0")
SDK_ACCOUNTS = 1_000
"""Accounts up to which the typed models are measured without being asked to."""
SECRET = "secret-of-the-premium-tenant"  # of a fictional tenant


# ------------------------------------------------------------------------------------------------ the services


def serve(pipe: Any, folder: str, accounts: int) -> None:
    """Body of the services' own process."""
    from tests.m365.fakes import tenants
    from tests.m365.fakes.server import FakeMicrosoft

    tenant = tenants.grow(tenants.premium(), accounts)
    with FakeMicrosoft(Path(folder), [tenant], page=1000) as fake:
        pipe.send({"profile": fake.profile(tenant), "token": fake.tokens.give(tenant, fake.url("graph"))})
        while pipe.recv() == "count":
            pipe.send(sum(1 for request in fake.log if request.service != "login"))
            fake.log.clear()


class Services:
    """The fake services of one tenant, in a process of their own."""

    def __init__(self, folder: str, accounts: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, child = context.Pipe()
        self.process = context.Process(target=serve, args=(child, folder, accounts))
        self.process.start()
        self.known = self.pipe.recv()

    def requests(self) -> int:
        """Requests received since the last question."""
        self.pipe.send("count")
        return int(self.pipe.recv())

    def close(self) -> None:
        """End the process."""
        self.pipe.send("stop")
        self.process.join(20)


# ------------------------------------------------------------------------------------------- in a fresh process


def child(python: Path, what: str, known: dict[str, Any]) -> dict[str, Any]:
    """Run one of the bodies below in its own process; gives what it measured."""
    done = subprocess.run(
        [python, __file__, "--child", what], input=json.dumps(known), capture_output=True, text=True, check=False,
        cwd=ROOT,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(start: float, cpu: float, **more: Any) -> dict[str, Any]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return {"wall": time.perf_counter() - start, "cpu": time.process_time() - cpu, "memory_mib": peak, **more}


def body_collect(known: dict[str, Any]) -> dict[str, Any]:
    """Everything that the collector reads, and the facts as they are written; imports of libraries included."""
    import msgspec

    from checks.m365.collect import collect
    from checks.m365.config import M365Config
    from checks.m365.facts import Rows
    from checks.model import CollectRequest
    from tests.m365.fakes.network import LoopbackNetwork
    from tests.m365.fakes.tenants import NOW

    config = msgspec.convert(known["profile"], M365Config)
    request = CollectRequest(config=config, secret=lambda _: SECRET, clock=lambda: NOW)
    start, cpu = time.perf_counter(), time.process_time()
    facts = collect(request, LoopbackNetwork(), lambda *_: None)
    written = msgspec.json.encode(facts)
    rows = {name: len(found.rows) for name, found in facts.readings.items() if isinstance(found, Rows)}
    cut = [name for name, found in facts.readings.items() if isinstance(found, Rows) and not found.complete]
    return measured(start, cpu, requests=facts.traffic.requests, facts=len(written), rows=rows, cut=cut,
                    received=facts.traffic.bytes)  # fmt: skip


def body_users(known: dict[str, Any]) -> dict[str, Any]:
    """The list of accounts only, with our client."""
    import httpx

    from checks.m365.client.calls import Service
    from checks.m365.client.graph import Graph, path_of
    from checks.m365.client.libraries import load
    from checks.m365.client.meter import Meter, Pace
    from checks.m365.client.places import permit, trust
    from checks.m365.client.transport import PinnedTransport
    from checks.m365.resources import BY_NAME
    from tests.m365.fakes.network import LoopbackNetwork
    from tests.m365.fakes.tenants import NOW

    class Given:
        def get(self, _: str, *, renew: bool = False) -> str:  # noqa: ARG002 - the shape of `Tokens`
            return str(known["token"])

    async def read() -> int:
        libraries, meter = load(), Meter(10_000, 600, Pace())
        context = trust(known["profile"]["ca_file"], libraries.certifi.where())
        transport = PinnedTransport(libraries, context, meter.received)
        place = permit(LoopbackNetwork(), "graph", known["profile"]["graph_url"])
        transport.add(place)
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            service = Service(libraries, client, place, "", Given(), meter, asyncio.Semaphore(8))
            resource_ = BY_NAME["users"]
            page = await Graph(service, meter).list(resource_, path_of(resource_, NOW, 7), 500_000)
        return len(page.rows)

    start, cpu = time.perf_counter(), time.process_time()
    return measured(start, cpu, users=asyncio.run(read()))


def body_sdk(known: dict[str, Any]) -> dict[str, Any]:
    """The same list with the typed models of msgraph-sdk, as its documentation shows."""
    import ssl
    import warnings

    warnings.simplefilter("ignore")
    import httpx
    from azure.core.credentials import AccessToken
    from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
    from msgraph import GraphRequestAdapter, GraphServiceClient
    from msgraph.generated.users.users_request_builder import UsersRequestBuilder
    from msgraph_core import GraphClientFactory
    from msgraph_core.tasks.page_iterator import PageIterator

    url = known["profile"]["graph_url"].replace("graph.tilleuls.test", "127.0.0.1")
    host = url.removeprefix("https://")

    class Credential:
        async def get_token(self, *_: str, **__: Any) -> AccessToken:
            return AccessToken(known["token"], int(time.time()) + 3600)

        async def close(self) -> None:
            pass

    async def read() -> int:
        provider = AzureIdentityAuthenticationProvider(
            Credential(), scopes=["x/.default"], allowed_hosts=[host, host.partition(":")[0]]
        )  # fmt: skip
        context = ssl.create_default_context(cafile=known["profile"]["ca_file"])
        client = GraphClientFactory.create_with_default_middleware(
            client=httpx.AsyncClient(verify=context, http2=False)
        )
        adapter = GraphRequestAdapter(provider, client=client)
        adapter.base_url = f"{url}/v1.0"
        graph = GraphServiceClient(request_adapter=adapter)
        query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(select=known["select"], top=999)
        options = UsersRequestBuilder.UsersRequestBuilderGetRequestConfiguration(query_parameters=query)
        first = await graph.users.get(request_configuration=options)
        found: list[Any] = []

        def keep(user: Any) -> bool:
            found.append(user)
            return True

        await PageIterator(first, adapter).iterate(keep)
        return len(found)

    start, cpu = time.perf_counter(), time.process_time()
    return measured(start, cpu, users=asyncio.run(read()))


BODIES = {"collect": body_collect, "users": body_users, "sdk": body_sdk}


# --------------------------------------------------------------------------------------------------------- main


def sdk_python() -> Path:
    """Python of the environment that holds msgraph-sdk; made on the first run."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ausculte-bench" / "msgraph"
    python = cache / "bin" / "python"
    if not (cache / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", cache], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *SDK, "deprecated"], check=True)
        (cache / "ready").touch()
    return python


def verify(found: dict[str, Any], accounts: int, received: int) -> None:
    """Refuse to print a figure for a collection that missed something."""
    rows = found["rows"]
    for name in ("users", "user_activity"):
        assert rows[name] == accounts, (name, rows[name])
    for name in ("registration", "mailboxes", "audit_bypass"):
        assert accounts - 5 < rows[name] <= accounts, (name, rows[name])
    assert found["cut"] in ([], ["mailbox_permissions"]), found["cut"]
    assert len(rows) > 60, len(rows)
    assert found["requests"] == received, (found["requests"], received)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeat", type=int, default=3, help="collections of each tenant; the median counts")
    parser.add_argument("--no-sdk", action="store_true")
    parser.add_argument("--sdk-all", action="store_true", help="typed models on the large tenant too: many minutes")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", choices=BODIES)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(BODIES[options.child](json.loads(sys.stdin.read()))))
        return
    print(f"charge de la machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cœurs")
    results: dict[str, Any] = {}
    for accounts, target in TARGETS.items():
        with tempfile.TemporaryDirectory(prefix="ausculte-bench-") as folder:
            services = Services(folder, accounts)
            try:
                results[str(accounts)] = one(services, accounts, target, options)
            finally:
                services.close()
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    if not all(found["ok"] for found in results.values()):
        sys.exit(1)


def one(services: Services, accounts: int, target: float, options: argparse.Namespace) -> dict[str, Any]:
    """One tenant: the collection, then the list of accounts read in two ways."""
    from checks.m365.resources import BY_NAME

    here = Path(sys.executable)
    runs = []
    for _ in range(options.repeat):
        found = child(here, "collect", services.known)
        verify(found, accounts, services.requests())
        runs.append(found)
    runs.sort(key=lambda found: found["wall"])
    found = runs[len(runs) // 2]
    peak = max(run["memory_mib"] for run in runs)
    ok = found["wall"] <= target and peak <= MEMORY_TARGET
    print(
        f"{accounts} comptes : {found['wall']:.2f} s (pire {runs[-1]['wall']:.2f}, {found['cpu']:.2f} de processeur), "
        f"objectif {target:g} s ; {peak} Mio, objectif {MEMORY_TARGET} ; {found['requests']} requêtes, "
        f"{found['received'] / 1e6:.1f} Mo reçus, {found['facts'] / 1e6:.1f} Mo de faits : {'tenu' if ok else 'MANQUÉ'}"
    )
    result = {**found, "memory_mib": peak, "target": target, "ok": ok}
    if options.no_sdk or (accounts > SDK_ACCOUNTS and not options.sdk_all):
        return result
    known = {**services.known, "select": list(BY_NAME["users"].properties)}
    ours, typed = child(here, "users", known), child(sdk_python(), "sdk", known)
    assert ours["users"] == typed["users"] == accounts
    print(
        f"  la liste des comptes seule, imports compris : {ours['wall']:.2f} s et {ours['memory_mib']} Mio ; "
        f"modèles typés de msgraph-sdk : {typed['wall']:.2f} s et {typed['memory_mib']} Mio, "
        f"soit {typed['wall'] / ours['wall']:.1f} fois plus ({typed['cpu'] / ours['cpu']:.1f} en processeur)"
    )
    return {**result, "users": ours, "sdk_users": typed, "ratio": typed["wall"] / ours["wall"]}


if __name__ == "__main__":
    main()
