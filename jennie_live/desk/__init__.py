"""The order desk that both executors share: leases, intents, tracking, booking, reconciliation (O1-O7)."""
