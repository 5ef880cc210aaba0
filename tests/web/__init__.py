"""Reading a page of the web, without a web."""
