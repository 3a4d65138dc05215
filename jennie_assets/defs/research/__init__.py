"""How good the scores were afterwards."""
