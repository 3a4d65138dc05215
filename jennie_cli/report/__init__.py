"""The report of a rehearsal: collected from the ledgers, shown as JSON, page and terminal."""
