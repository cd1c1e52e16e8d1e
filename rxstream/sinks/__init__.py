"""Observable to the world: read it, collect it, run it, keep it."""
