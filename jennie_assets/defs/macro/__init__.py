"""Macro snapshot, council and regime."""
