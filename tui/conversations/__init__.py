"""Conversations as values: what was said, by whom, and how it went."""
