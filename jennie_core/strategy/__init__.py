"""The trading plane's decisions as pure functions and small state machines."""
