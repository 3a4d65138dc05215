"""The exchange itself: accounts, orders, matching under KRX rules, and its own append-only ledger. No I/O."""
