"""What others post to us: verify the raw bytes, store, answer. The work happens afterwards, by the outbox."""
