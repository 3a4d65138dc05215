"""Decisions run again over recorded or stored days, and what makes two runs comparable."""
