"""A mail server for the demo and the tests: takes every mail, delivers none, shows them on a page.

    python -m mailcatcher --smtp-port 2525 --http-port 8025 --data instance/mail

For programs: GET /messages.json (newest first), GET /messages/<id>.json (from, to, subject, text, html, headers),
DELETE /messages. Listens on 127.0.0.1 only; the mails are plain .eml files in the data folder.
"""
