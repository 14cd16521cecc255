"""One router per area. An endpoint checks who asks, decodes, calls one thing and returns."""
