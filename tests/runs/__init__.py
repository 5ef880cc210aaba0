"""Runs over many prompts, against an engine that a test moves."""
