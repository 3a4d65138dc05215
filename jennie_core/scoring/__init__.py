"""The data plane's decisions over the whole market at once: frames in, scores and typed documents out."""
