"""Pure decisions and vocabulary: no I/O, no clock, no environment, no random source."""
