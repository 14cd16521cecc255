"""Signatures, sealing of secrets, and keys."""
