"""Prices, flows, statements: the raw facts of the market."""
