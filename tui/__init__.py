"""chinwag: talk with language models served by Ollama, from a terminal or a script.

Importing this package imports nothing else, so that the command can draw its first frame at once.
"""

__version__ = "0.1.0"
