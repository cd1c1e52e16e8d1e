"""Text to text: split it into complete units, rewrite it, put it together."""
