"""What every domain stands on and that knows no shop words: money, time, database, outbox, settings, crypto."""
