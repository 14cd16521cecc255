"""The demo: a coffee brand with its shop, networks, an ambassador and two campaigns, made through the public API."""

from deploy.demo.seeding import Place, seed

__all__ = ["Place", "seed"]
