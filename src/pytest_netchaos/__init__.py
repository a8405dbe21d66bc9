"""Break the network on purpose in a pytest test, and prove that the software survives."""
