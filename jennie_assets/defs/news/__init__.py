"""Headlines, their sentiment and their vectors."""
