"""`python worker.py` does the shop's jobs, `python worker.py cron` tells it the time. Both outlive outages."""

import os
import sys

from app import workers
from app.core.settings import BadSettings, load
from app.factory import configure_process, import_models
from app.web import logs
from run import environment
from run.problem import Problem


def main(role: str) -> None:
    try:
        environment.activate()
        settings = load(os.environ)
    except (BadSettings, Problem) as error:
        sys.exit(str(error))
    logs.configure(settings.log_level)
    import_models()
    configure_process(settings)
    (workers.tell_time if role == "cron" else workers.work)(settings)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "worker")
