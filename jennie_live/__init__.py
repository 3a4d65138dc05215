"""The trading plane: one folder per FastAPI worker."""
