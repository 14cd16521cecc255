"""The dev store: a local Shopify for development, demos and tests. See README.md in this folder."""
