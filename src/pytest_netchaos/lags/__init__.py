"""When this process, or an event loop in it, stood still."""
