"""Hears mentions, understands them, drafts and publishes replies, keeps rights and the catalogue."""
