"""The screens: each is given what it needs and posts or returns what the person chose."""
