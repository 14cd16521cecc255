"""The dev network: a local server that speaks the publish calls of each social network and sends its webhooks."""
