"""`make bench`: how fast the shop is, as ratios to two yardsticks measured in the same minutes on the same machine.

__main__     the command: the stand, the rounds, the table, `results.md`
stand        servers, shop and yardstick in a temporary SHOP_HOME; nothing of the developer's own is touched
yardstick    Y: a Flask page of the same size that Jinja renders from memory, on the same server
pgbench      G: the bare reservation transaction, by the program that comes with PostgreSQL
flood        the load: a process with a few keep-alive connections that checks every answer
buyer        a shopper's whole way over HTTP, by the forms of the pages
hooks        webhooks at an even pace, from a process of its own
sessions     many visitors who have just opened a page
locks        the lock call from several threads, for `holds`
pages, purchases, holds, books, webhooks, logins, memory   the measurements
table        rows, limits, verdicts
"""
