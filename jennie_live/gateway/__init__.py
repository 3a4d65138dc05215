"""kis-gateway (8080): the only process that talks to the broker."""
