"""What only the container image uses."""
