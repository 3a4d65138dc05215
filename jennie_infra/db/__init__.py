"""The two stores (B1): ledger (orders, money, stops) and market (prices, scores, insights)."""
