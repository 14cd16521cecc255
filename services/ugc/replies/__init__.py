"""Drafts in the brand's voice, what may leave, and its way to the network."""
