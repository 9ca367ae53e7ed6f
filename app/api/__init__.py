"""JSON for other programs. Each view says beside itself what it takes and answers; errors are problem documents."""
