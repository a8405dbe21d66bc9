"""Toxiproxy: a program on the PATH, a container, or one that runs elsewhere."""
