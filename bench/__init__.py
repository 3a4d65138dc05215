"""Benchmarks of the real processes against floors and bare chains that run in the same session."""
