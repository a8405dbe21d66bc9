"""Plans at work: which step is due, and what became of it."""
