"""buy-scanner (8081): real-time search for buying opportunities on the hot watchlist."""
