"""`jennie backtest`: the daily chain over years of real bars, and its report."""
