"""Mails: one per (event, recipient, template), in the order's language, sent by the outbox with a fallback server."""
