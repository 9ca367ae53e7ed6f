"""The web application, for the WSGI server and for `flask --app wsgi …`."""

import os
import sys
from importlib import import_module

import click
from flask import Flask
from flask.cli import ScriptInfo

from app.core.settings import BadSettings, load
from app.ops.sharing import share_metrics
from app.web import logs
from run import environment
from run.problem import Problem


def make() -> Flask:
    context = click.get_current_context(silent=True)  # the WSGI server may have one too: it is a command itself
    is_command = context is not None and context.find_object(ScriptInfo) is not None
    try:
        environment.activate()
        settings = load(os.environ)
        logs.configure(settings.log_level, stream=sys.stderr if is_command else sys.stdout)
        if not is_command:
            logs.warn_of_unused(settings)
            share_metrics(settings.home)
        application: Flask = import_module("app.factory").create_app(settings)  # late: it reads what was just set
        if not is_command:
            import_module("app.process").settle_down()
    except (BadSettings, Problem) as error:
        sys.exit(str(error))
    return application


app = make()
