"""Orders: what webhooks say of them, joined to one picture, and who brought them."""
