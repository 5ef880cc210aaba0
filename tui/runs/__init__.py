"""Runs over many prompts: a batch, a benchmark, a comparison, and reports of them."""
