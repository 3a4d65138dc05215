"""The front door: the `jennie` command and the rehearsal conductor. It knows every package, none knows it."""
