"""A headless Chromium driven through chromedriver's HTTP interface on loopback, standard library only."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
TAB = "\ue004"
ENTER = "\ue007"


class Browser:
    """One session. Every method raises `RuntimeError` with the driver's message when a command fails."""

    def __init__(self, base: str, session: str) -> None:
        self.base, self.session = base, session

    def command(self, method: str, path: str, body: Any = None) -> Any:
        return call(f"{self.base}/session/{self.session}{path}", method, body)

    def open(self, page: Path) -> None:
        self.command("POST", "/url", {"url": page.as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        return self.command("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script: str) -> Any:
        return self.command("POST", "/execute/async", {"script": script, "args": []})

    def devtools(self, name: str, **parameters: Any) -> Any:
        return self.command("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def press(self, *keys: str) -> None:
        actions = [
            step for key in keys for step in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})
        ]
        self.command("POST", "/actions", {"actions": [{"type": "key", "id": "clavier", "actions": actions}]})

    def console(self) -> list[dict[str, Any]]:
        return self.command("POST", "/se/log", {"type": "browser"})

    def dark(self, enabled: bool) -> None:
        value = "dark" if enabled else "light"
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def resize(self, width: int, height: int) -> None:
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )


def call(url: str, method: str, body: Any = None) -> Any:
    data = None if method == "GET" else json.dumps(body or {}).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(json.load(error)["value"]["message"]) from error


@contextlib.contextmanager
def started() -> Iterator[Browser]:
    """Start the driver and one session with an empty profile; stop exactly what was started."""
    assert CHROMIUM
    assert DRIVER
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = subprocess.Popen([DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        base = f"http://127.0.0.1:{port}"
        try:
            wait_ready(base)
            session = call(f"{base}/session", "POST", {"capabilities": {"alwaysMatch": capabilities(profile)}})
            browser = Browser(base, session["sessionId"])
            yield browser
            browser.command("DELETE", "")
        finally:
            driver.terminate()
            driver.wait(timeout=20)


def wait_ready(base: str) -> None:
    for _ in range(100):
        try:
            if call(f"{base}/status", "GET")["ready"]:
                return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise RuntimeError("chromedriver did not start within 10 seconds")


def capabilities(profile: str) -> dict[str, Any]:
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
    return {
        "browserName": "chrome",
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {"binary": CHROMIUM, "args": [*flags, f"--user-data-dir={profile}"]},
    }
