"""Reading one page of the web, when a person asked for it."""
