"""What stands between chinwag and the terminal."""
