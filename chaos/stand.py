"""The whole shop on a stand: every part is a process of its own that can be killed and started again.

Only the main thread may start parts: the kernel ends them with the thread that started them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from app import factory
from app.core import db
from app.core.settings import Settings, load
from app.ops import audit, schema
from chaos.bank import Bank
from chaos.servers import Servers, wait_for
from run import ports, processes

ALL_PROVIDERS = {
    "CURLEC_KEY_ID": "rzp_test_curlecchaos00",
    "CURLEC_KEY_SECRET": "chaos_curlec_secret",
    "CURLEC_WEBHOOK_SECRET": "chaos_curlec_webhook_secret,last_month",
    "RAZORPAY_WEBHOOK_SECRET": "chaos_webhook_secret,last_month_elsewhere",
    "STRIPE_SECRET_KEY": "sk_test_chaos",
    "STRIPE_WEBHOOK_SECRET": "whsec_chaos,whsec_last_month",
    "PAYPAL_CLIENT_ID": "chaos_paypal_client",
    "PAYPAL_CLIENT_SECRET": "chaos_paypal_secret",
    "PAYPAL_WEBHOOK_ID": "WHCHAOS0000000001",
    "BILLPLZ_API_KEY": "chaos-billplz-key",
    "BILLPLZ_COLLECTION_ID": "chaoscol",
    "BILLPLZ_SIGNATURE_KEY": "S-chaos-billplz,S-last-month",
    "MANUAL_METHODS": "bank_transfer,cod",
    "BANK_DETAILS": "Murni Batik, Maybank 5140 0000 0000",
}  # settings with which every provider takes part, at the sandbox

PROJECT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
START_SECONDS = 60


class Part:
    """One process of the shop. `url` is where a web process answers."""

    def __init__(
        self, name: str, command: Sequence[str], *, folder: Path, environ: Mapping[str, str], log: Path, url: str = ""
    ) -> None:
        self.name, self.command, self.folder, self.environ = name, list(command), folder, dict(environ)
        self.log, self.url = log, url
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=processes.leash(signal.SIGTERM),
            )

    def wait(self) -> None:
        """Until it answers over HTTP."""
        wait_for(self.answers, seconds=START_SECONDS, why=f"{self.name} does not answer, see {self.log}")

    def answers(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended:\n{self.log.read_text(errors='replace')[-2000:]}")
        with suppress(requests.RequestException):
            return requests.get(self.url, timeout=2, allow_redirects=False).status_code < 500
        return False

    def kill(self) -> None:
        """kill -9 of the process and all its children: no goodbye to anybody."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        self.kill()


class Stand:
    """`webs` web processes with one thread each, a worker, a clock, the sandbox and a mail catcher on `servers`.

    `project` is the source tree they run (a scratch copy with a fault in it, for instance); `settings` go before ours.
    `firsts` names the provider that each web process asks first, in turn: so one stand takes money by all of them.
    """

    def __init__(
        self,
        servers: Servers,
        *,
        webs: int = 4,
        project: Path = PROJECT,
        database_url: str | None = None,
        name: str = "stand",
        settings: Mapping[str, str] | None = None,
        firsts: Sequence[str] = (),
    ) -> None:
        self.servers, self.project = servers, project
        self.firsts = firsts
        self.home = servers.home / name
        self.home.mkdir(mode=0o700)
        web_ports: list[int] = []
        for _ in range(webs + 3):
            web_ports.append(ports.pick(but=tuple(web_ports)))
        self._bank_port, self._smtp_port, self.mail_port, *self._web_ports = web_ports
        self.environ = self._environment(database_url or servers.database_url, settings or {})
        self.settings: Settings = load(self.environ)
        self.bank_part = self._sandbox()
        self.mail = self._mail_catcher()
        self.webs = [self._web(n, port) for n, port in enumerate(self._web_ports)]
        self.worker = self._part("worker", [str(BIN / "python"), "worker.py"])
        self.clock = self._part("clock", [str(BIN / "python"), "worker.py", "cron"])
        self.bank = Bank(f"http://127.0.0.1:{self._bank_port}")

    def migrate(self) -> None:
        factory.import_models()
        schema.upgrade(url=self.settings.migrations_database_url, shop_url=self.settings.database_url)

    def start(self, *, with_jobs: bool = True) -> None:
        """Returns once every web process answers."""
        jobs = [self.worker, self.clock] if with_jobs else []
        for part in (self.bank_part, self.mail, *self.webs, *jobs):
            part.start()
        for part in (self.bank_part, *self.webs):
            part.wait()

    def end(self) -> None:
        for part in self.parts:
            part.kill()
        db.forget()

    @property
    def parts(self) -> list[Part]:
        return [self.clock, self.worker, *self.webs, self.bank_part, self.mail]

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This process acts as one of the shop's: its database, its Redis. Whoever was somebody else before says so again."""
        factory.import_models()
        factory.configure_process(self.settings)
        try:
            yield
        finally:
            db.forget()
            db.engine().dispose()

    def faults(self) -> dict[str, int]:
        """What `shop audit` finds, without the zeros. Inside only."""
        found = audit.run(cleanup_interval_minutes=self.settings.cleanup_interval_minutes)
        return {name: count for name, count in found.items() if count}

    def accidents(self) -> int:
        """Unexpected errors in the logs of the web processes: each was a 500, and is printed, for the logs go with the stand."""
        lines = [line for web in self.webs for line in web.log.read_text(errors="replace").splitlines()]
        found = [line for line in lines if "unexpected error" in line]
        for line in found:
            print(line[-3000:], file=sys.stderr)
        return len(found)

    def _environment(self, database_url: str, settings: Mapping[str, str]) -> dict[str, str]:
        base, bank = (f"http://127.0.0.1:{port}" for port in (self._web_ports[0], self._bank_port))
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
        return {
            **kept,
            "APP_ENV": "test",
            "SECRET_KEY": "the stand's own secret, long enough to be believed",
            "FIELD_KEY": "the stand's own key for personal data, long enough as well",
            "BASE_URL": base,
            "PORT": str(self._web_ports[0]),
            "PROXY_HOPS": "1",
            "SHOP_HOME": str(self.home),
            "DATABASE_URL": database_url,
            "MIGRATIONS_DATABASE_URL": self.servers.as_owner(database_url),
            "REDIS_URL": self.servers.redis_url,
            "MAIL_URL": f"smtp://127.0.0.1:{self._smtp_port}",
            "RAZORPAY_API_URL": bank,
            "STRIPE_API_URL": f"{bank}/stripe",
            "PAYPAL_API_URL": f"{bank}/paypal",
            "BILLPLZ_API_URL": f"{bank}/billplz",
            "RAZORPAY_KEY_ID": "rzp_test_chaos0000000",
            "RAZORPAY_KEY_SECRET": "chaos_key_secret",
            "RAZORPAY_WEBHOOK_SECRET": "chaos_webhook_secret",
            "LOG_LEVEL": "WARNING",
            **settings,
        }

    def _part(self, name: str, command: Sequence[str], *, url: str = "") -> Part:
        log = self.home / f"{name}.log"
        return Part(name, command, folder=self.project, environ=self.environ, log=log, url=url)

    def _web(self, number: int, port: int) -> Part:
        command = [str(BIN / "granian"), "--interface", "wsgi", "--workers", "1", "--blocking-threads", "1"]
        address = ["--no-log", "--host", "127.0.0.1", "--port", str(port), "wsgi:app"]
        part = self._part(f"web{number}", [*command, *address], url=f"http://127.0.0.1:{port}/health/live")
        if self.firsts:
            part.environ["PAYMENT_PROVIDER"] = self.firsts[number % len(self.firsts)]
        return part

    def _sandbox(self) -> Part:
        hook = f"http://127.0.0.1:{self._web_ports[0]}/api/payments/webhook"
        options = ["--port", str(self._bank_port), "--data", str(self.home / "sandbox"), "--webhook-url", hook]
        url = f"http://127.0.0.1:{self._bank_port}"
        part = self._part("sandbox", [sys.executable, "-m", "sandbox", *options], url=f"{url}/_sandbox/health")
        part.folder = PROJECT
        return part

    def _mail_catcher(self) -> Part:
        ways = ["--smtp-port", str(self._smtp_port), "--http-port", str(self.mail_port)]
        command = [sys.executable, "-m", "mailcatcher", *ways, "--data", str(self.home / "mail")]
        part = self._part("mail", command)
        part.folder = PROJECT
        return part


@contextmanager
def standing(servers: Servers, *, with_jobs: bool = True, **options: object) -> Iterator[Stand]:
    """A migrated, started stand, taken down at the end."""
    stand = Stand(servers, **options)  # type: ignore[arg-type]
    try:
        stand.migrate()
        stand.start(with_jobs=with_jobs)
        yield stand
    finally:
        stand.end()
