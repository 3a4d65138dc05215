"""Faults that the admin port switches on while the exchange runs."""
