"""What every worker shares: runtime, HTTP face, stops, effective values. Decides nothing."""
