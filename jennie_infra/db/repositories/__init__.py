"""Repositories: what each store is asked for, in the words of the domain."""
