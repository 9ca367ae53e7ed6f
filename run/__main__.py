"""`make run`: prepares the demo shop, serves it until Ctrl-C, and takes everything along when it ends."""

from __future__ import annotations

import http.client
import os
import signal
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import urlsplit

from run import demo, environment, locks, ports, processes, servers, supervisor
from run import home as homes
from run.environment import PROJECT
from run.problem import Problem, sentence, tail
from run.steps import step

READY_SECONDS = 90
LOOK_SECONDS = 0.1
DEATHS_ALLOWED = 3  # of the web server before its first answer


def main() -> int:
    """0 after a Ctrl-C or SIGTERM, 1 with a sentence when the shop cannot be served."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a shell's background jobs start with SIGINT ignored
        signal.signal(number, _interrupt)
    if Path(processes.command_line(os.getppid()).partition(" ")[0]).name in ("make", "gmake"):
        processes.follow_parent(signal.SIGTERM)  # make itself may be killed without a chance to tell us
    try:
        with ExitStack() as stack:
            serve(stack)
    except (Problem, OSError) as problem:
        supervisor.report(sentence(problem))
        return 1
    except KeyboardInterrupt:
        supervisor.report("ended")
    return 0


def serve(stack: ExitStack) -> NoReturn:
    """Starts everything and watches it. Only leaves with an exception; `stack` then ends what was started."""
    home = environment.home_of(os.environ)
    homes.make(home)
    _claim(home, stack)
    port = ports.demand(environment.value_of(os.environ, "PORT", default="8000"))
    holds = _start_servers(home, stack)
    environ = complete_environment(home, port=port)
    environment.record_run(home, environ)
    if all(environment.is_given(environ, name) for name in servers.VARIABLES.values()):
        demo.demand_answers(environ)  # without them the shop itself lists all that is missing
    login = demo.prepare(home, environ)
    run = supervisor.Supervisor(_children(home, environ))
    stack.callback(_end_orphans, holds)
    stack.callback(run.stop)
    run.start()
    _wait_until_ready(run, port=port, environ=environ)
    announce(environ, login=login)
    while True:
        run.look()
        for hold in holds:
            hold.renew_if_lost()
        time.sleep(LOOK_SECONDS)


def complete_environment(home: Path, *, port: int) -> dict[str, str]:
    """What every process of this run gets; what the caller's environment says stays as it is."""
    environ = environment.resolve(os.environ)
    local = {
        "SANDBOX_WEBHOOK_URL": f"http://127.0.0.1:{port}/api/v1/payment/webhook",
        "SANDBOX_DATA": str(home / "sandbox"),
        "PYTHONUNBUFFERED": "1",
    }
    path = f"{PROJECT / '.venv' / 'bin'}:{environ.get('PATH', os.defpath)}"
    return {**local, **environ, "SHOP_HOME": str(home), "PORT": str(port), "PATH": path}


def announce(environ: dict[str, str], *, login: dict[str, str] | None) -> None:
    """The lines that people and programs wait for; `ready` comes last."""
    lines = []
    if not environment.is_production(environ):
        lines += [
            f"mail http://127.0.0.1:{environ['MAIL_HTTP_PORT']}",
            f"sandbox http://127.0.0.1:{environ['SANDBOX_PORT']}",
        ]
    if login:
        lines.append(f"staff {login['email']} password: {login['password']} authenticator: {login['otpauth_url']}")
    lines.append(f"ready http://127.0.0.1:{environ['PORT']}")
    print("\n".join(lines), flush=True)


def _claim(home: Path, stack: ExitStack) -> None:
    descriptor = locks.open_lock(environment.run_lock(home))
    stack.callback(os.close, descriptor)
    try:
        locks.wait_exclusive(descriptor, seconds=0.5)
    except Problem:
        environment.demand_no_run(home)
        raise
    environment.forget_run(home)
    stack.callback(environment.forget_run, home)


def _start_servers(home: Path, stack: ExitStack) -> list[servers.Hold]:
    holds: list[servers.Hold] = []
    if environment.is_production(os.environ):
        return holds
    for kind, name in servers.VARIABLES.items():
        if not environment.is_given(os.environ, name):
            step(f"Starting {kind}", partial(_hold_server, holds, home, kind))
            stack.callback(holds[-1].release)
    environment.stored_values(home)
    environment.choose_ports(home)
    return holds


def _hold_server(holds: list[servers.Hold], home: Path, kind: str) -> None:
    holds.append(servers.Hold.take(home, kind))


def _children(home: Path, environ: dict[str, str]) -> list[supervisor.Child]:
    commands = supervisor.read_procfile(PROJECT / "Procfile")
    if environment.is_production(environ):  # nobody's real orders go to a sandbox, and who serves owns no tables
        commands = {name: command for name, command in commands.items() if name not in ("sandbox", "mail")}
        environ = {
            name: value for name, value in environ.items() if name not in (servers.OWNER, f"{servers.OWNER}_FILE")
        }
    return [
        supervisor.Child(name, command, home=home, folder=PROJECT, environ=environ)
        for name, command in commands.items()
    ]


def _wait_until_ready(run: supervisor.Supervisor, *, port: int, environ: dict[str, str]) -> None:
    web = next(child for child in run.children if child.name == "web")
    deadline = time.monotonic() + READY_SECONDS
    others = [int(environ[name]) for name in ("SANDBOX_PORT", "MAIL_SMTP_PORT", "MAIL_HTTP_PORT") if name in environ]
    while not (all(map(ports.is_open, others)) and _answers(port, host=_public_host(environ))):
        run.look()
        if web.deaths >= DEATHS_ALLOWED or time.monotonic() > deadline:
            raise Problem(f"The web server does not answer; {web.log} says why:\n{tail(web.log)}")
        time.sleep(LOOK_SECONDS)


def _answers(port: int, *, host: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/health", headers={"Host": host})
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _public_host(environ: dict[str, str]) -> str:
    trusted = environment.value_of(environ, "TRUSTED_HOSTS")
    return trusted.partition(",")[0].strip() or urlsplit(environ.get("BASE_URL", "")).netloc or "127.0.0.1"


def _end_orphans(holds: list[servers.Hold]) -> None:
    supervisor.end_orphans(but={hold.keeper_pid for hold in holds})


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
