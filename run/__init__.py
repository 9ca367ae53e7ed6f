"""Everything around the shop: the two commands `make run` and `make test`, and the servers they need.

The shop imports nothing from here at run time except `run.environment` (where do the values come from) and, through
it, `run.servers` (PostgreSQL and Redis without installing them). Nothing here imports the shop.

    setup        python3 -m run.setup serve|tests   virtual environment and front-end packages, before either exists
    __main__     python -m run                      `make run`: prepare, start, watch, end
    checks       python -m run.checks lint|tests    `make lint` and `make test`
    map          python3 -m run.map                 `make map`
    environment  the values `make run` chose, for every other command
    servers      ensure(home): PostgreSQL and Redis for as long as somebody uses them
    keeper       the small process that watches one of those servers
    browser      finds or unpacks a Chromium
"""
