"""The rehearsal exchange: a KIS-compatible broker."""
