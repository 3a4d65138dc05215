"""Daily snapshot and briefing."""
