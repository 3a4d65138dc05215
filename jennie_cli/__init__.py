"""The front door: the jennie command and the rehearsal conductor."""
