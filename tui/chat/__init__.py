"""One conversation as it goes on: what is asked, how the answer comes, and what is kept of it."""
