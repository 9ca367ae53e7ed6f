"""The web line of the Procfile as it is run: several processes, one set of figures, JSON on stdout."""

import json
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from run import ports

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
ASKED = 60


@pytest.fixture
def base(environment: dict[str, str], app: object, tmp_path: Path) -> Iterator[str]:
    """The shop behind its real WSGI server; what it says on stdout stands in `out` below `tmp_path`."""
    port = str(ports.pick())
    line = next(each for each in (ROOT / "Procfile").read_text().splitlines() if each.startswith("web:"))
    command = shlex.split(line.partition(":")[2].replace("$PORT", port).removeprefix(" exec"))
    own = {
        "PORT": port,
        "BASE_URL": f"http://127.0.0.1:{port}",
        "SHOP_HOME": str(tmp_path / "home"),
        "LOG_LEVEL": "INFO",
    }
    with (tmp_path / "out").open("wb") as out:
        server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment, **own}, stdout=out, stderr=out)
        try:
            wait_for(own["BASE_URL"])
            yield own["BASE_URL"]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(PATIENCE)


def wait_for(url: str) -> None:
    pause, deadline = threading.Event(), time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            assert requests.get(f"{url}/health/live", timeout=5).status_code == 200
            return
        except requests.ConnectionError:
            pause.wait(0.1)
    raise TimeoutError(url)


def test_whichever_process_is_asked_knows_what_all_have_counted(base: str, tmp_path: Path) -> None:
    for _ in range(ASKED):
        assert requests.get(f"{base}/about", timeout=10).status_code == 200
    series = 'http_request_seconds_count{endpoint="pages.about",method="GET",status="2xx"}'
    for _ in range(4):
        text = requests.get(f"{base}/metrics", timeout=10).text
        assert f"\n{series} {ASKED}.0\n" in text
    requests.get(f"{base}/search?q=aina@example.com", timeout=10)
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines() if line.startswith("{")]
    assert len([line for line in lines if line.get("path") == "/about" and line["status"] == 200]) == ASKED
    assert "aina" not in (tmp_path / "out").read_text()
