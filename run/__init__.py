"""Everything around the shop: the two commands `make run` and `make test`, and the servers they need.

`wsgi.py` and `worker.py` import `run.environment` (where do the values come from) and `run.problem` (what to say when they are
missing), and through them `run.servers` (PostgreSQL and Redis without installing them); `app/` imports nothing of this. Nothing here
imports the shop.

    setup        python3 -m run.setup serve|tests   virtual environment and front-end packages, before either exists
    __main__     python -m run                      `make run`: prepare, start, watch, end
    demo         tables, demo shop, assets and demo login, before it serves
    supervisor   keeps the processes of the Procfile running
    checks       python -m run.checks lint|tests    `make lint` and `make test`
    strict_tests a pytest plugin: only a run in which everything ran counts as passed
    map          python3 -m run.map                 `make map`
    environment  the values `make run` chose, for every other command
    servers      ensure(home): PostgreSQL and Redis for as long as somebody uses them
    keeper       the small process that watches one of those servers
    postgres redis_server    how each of the two is made and started
    ground       where a server's program and data lie, and as whom it runs
    browser      finds or unpacks a Chromium
    home locks ports processes steps problem    the small parts
"""
