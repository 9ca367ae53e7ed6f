"""Keys that programs ask with: scopes, secrets, signatures. Whoever was shown a secret answers for what is done with it."""
