"""The web application, for the WSGI server and for `flask --app wsgi …`."""

import os
import sys

from app.core.settings import BadSettings, load
from app.factory import create_app
from run import environment
from run.problem import Problem

try:
    environment.activate()
    app = create_app(load(os.environ))
except (BadSettings, Problem) as error:
    sys.exit(str(error))
