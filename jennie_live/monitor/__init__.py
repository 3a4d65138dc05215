"""price-monitor (8088): watches held stocks, raises exits, runs the intraday throttle."""
