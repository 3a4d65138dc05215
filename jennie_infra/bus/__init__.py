"""Redis: connection, declared keys, typed cache, typed streams, locks."""
