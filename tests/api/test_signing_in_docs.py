"""The program that `docs/signing-in.md` shows does what it says there."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from app.core import db

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "signing-in.md"


@pytest.fixture
def address(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


def test_the_example_runs(member, address):
    [source] = re.findall(r"```python\n(.+?)```", DOCUMENT.read_text(), re.S)
    environment = {
        **os.environ,
        "SHOP_URL": address,
        "SHOP_USER": member.email,
        "SHOP_PASSWORD": member.password,
        "SHOP_TOTP": member.secret,
    }
    done = subprocess.run([sys.executable, "-c", source], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "{'failed': 0, 'released': 0, 'waiting': 0}\n"), done.stderr
    assert db.scalar("SELECT count(*) FROM staff_session WHERE ended_at IS NULL") == 0
    assert db.scalar("SELECT count(*) FROM staff_spent_token") == 1


def test_it_names_only_what_there_is(app):
    known = {rule.rule for rule in app.url_map.iter_rules()}
    named = set(re.findall(r"/api/[\w/-]+", DOCUMENT.read_text())) - {"/api/docs", "/api/"}
    assert named <= known
    assert len(named) >= 7
