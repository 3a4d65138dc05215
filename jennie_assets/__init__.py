"""The data plane: one Dagster code location."""
