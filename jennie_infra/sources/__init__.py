"""Where the data plane's frames come from; imported by the data plane and the CLI only (polars is needed)."""
