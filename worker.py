"""`python worker.py` does the shop's jobs, `python worker.py cron` tells it the time. Both outlive outages."""

import os
import sys
from importlib import import_module

from app.core.settings import BadSettings, load
from app.ops.sharing import share_metrics
from app.web import logs
from run import environment
from run.problem import Problem

NICENESS = 10  # when the machine is short of processors, pages go first and mails later


def main(role: str) -> None:
    try:
        environment.activate()
        settings = load(os.environ)
    except (BadSettings, Problem) as error:
        sys.exit(str(error))
    logs.configure(settings.log_level, stream=sys.stdout)
    logs.warn_of_unused(settings)
    share_metrics(settings.home)
    if role != "cron":
        os.nice(NICENESS)
    process = import_module("app.process")  # late: it reads what was just set
    process.configure_process(settings)
    process.settle_down()
    workers = import_module("app.workers")
    (workers.tell_time if role == "cron" else workers.work)(settings)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "worker")
