"""Somebody who owns the database, triggers and all, and no key of the shop's."""

import psycopg


def tamper(environment, *statements):
    with psycopg.connect(environment["MIGRATIONS_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # no trigger, no foreign key
        for statement in statements:
            connection.execute(statement)
