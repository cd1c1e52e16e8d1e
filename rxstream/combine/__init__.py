"""Several Observables to one: together, in a race, one after the other, one for many."""
