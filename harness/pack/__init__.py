"""Runs that travel: one file that holds all of it, and what rules its evidence speaks to."""
