"""The vocabulary of the house: every stream message, cached value and API body is one of these models."""
