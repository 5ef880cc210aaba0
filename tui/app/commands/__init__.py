"""Everything a person can tell chinwag to do, declared once."""
