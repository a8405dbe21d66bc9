"""What carries the links. The rest of the package meets an engine only through the protocols in `base`."""
