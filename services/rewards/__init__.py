"""Campaigns, rules, grants, discount codes at Shopify, redemption."""
