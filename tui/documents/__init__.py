"""Files a person put on a shelf: read, cut into passages, turned into vectors, and the best passages found again."""
