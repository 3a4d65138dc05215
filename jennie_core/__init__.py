"""The decisions of the platform as pure code: no I/O, no clock, no environment."""
