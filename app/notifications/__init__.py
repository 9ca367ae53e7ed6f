"""Mails: one per (event, recipient, template), in its reader's language, sent by the outbox with a fallback server. And SMS:
the codes of staff, at most so many a day."""
