"""sell-executor: sells managed shares once per reason, whatever blocks buying (R-SELL, O1, O3, O4)."""
