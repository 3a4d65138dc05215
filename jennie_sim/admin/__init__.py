"""The admin port: moves market time, shows the ledger, switches faults. Never used by the trading plane."""
