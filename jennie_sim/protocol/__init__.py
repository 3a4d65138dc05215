"""The broker's protocol as the exchange speaks it: REST replies and WebSocket frames, encoded here and nowhere else."""
