"""Numbers about answers: what was measured, and what is estimated while it still runs."""
