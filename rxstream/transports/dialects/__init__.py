"""What answers look like on the wire, one dialect a file; ``contract`` says what a dialect is."""
