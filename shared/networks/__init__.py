"""The social networks: one adapter per file, found through `shared/networks/registry.py`."""
