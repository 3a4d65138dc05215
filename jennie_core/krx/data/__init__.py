"""Dates of the Korean market as committed facts."""
