"""What became of the messages in a ledger: the cores of its matchers. No I/O."""
