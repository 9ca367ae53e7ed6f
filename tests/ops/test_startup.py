"""OPS-41 … OPS-43: what is missing or unsafe is said all at once, and nothing starts."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def start(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **settings}
    return subprocess.run([sys.executable, *command], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)


def test_production_lists_everything_that_is_wrong_and_does_not_start() -> None:
    unsafe = {"APP_ENV": "production", "SECRET_KEY": "secret", "BASE_URL": "http://shop.example", "LOG_LEVEL": "DEBUG"}
    for command in (["-c", "import wsgi"], ["worker.py"], ["worker.py", "cron"]):
        ended = start(*command, **unsafe)
        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr
        for word in ("SECRET_KEY", "BASE_URL", "DATABASE_URL", "REDIS_URL", "RAZORPAY_KEY_ID", "MAIL_URL", "LOG_LEVEL"):
            assert word in ended.stderr


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """SEC-48: no secret needs to stand in the environment itself."""
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef\n")
    ended = start("-c", "import wsgi", APP_ENV="production", SECRET_KEY_FILE=str(tmp_path / "key"))
    assert "SECRET_KEY" not in ended.stderr
    assert "DATABASE_URL" in ended.stderr


def test_no_secret_is_in_the_repository() -> None:
    known = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    assert not [name for name in known if Path(name).name == ".env" or name.endswith((".pem", ".key"))]
