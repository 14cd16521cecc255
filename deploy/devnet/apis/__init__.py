"""The networks' publish calls: one file per network, in its real shapes, limits and errors."""
