"""What the trading plane did, read back as assets."""
