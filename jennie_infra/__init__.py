"""Every adapter to the outside world."""
