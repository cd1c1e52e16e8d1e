"""Speed and amount: boundaries, an even pace, measurements."""
