"""The six agents: given evidence, each says what it finds and votes for a reason of its own."""
