"""buy-executor: turns buy signals into at most one order each, inside every limit (R-BUY, R-SIZE, R-GRD, O1-O6)."""
