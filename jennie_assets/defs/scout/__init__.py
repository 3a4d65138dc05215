"""From the universe to the hot watchlist and the trading permit."""
