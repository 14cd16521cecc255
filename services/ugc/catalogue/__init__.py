"""The brand's products as the shop has them, with what marketers add."""
