"""The only door: webhooks, people and storefronts in over HTTP; views, live updates and links out."""
