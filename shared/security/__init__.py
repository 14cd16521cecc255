"""Signatures of what comes in, sealing of what is kept."""
