"""Small tools for networks: which ports this host can open, round trips, floods, an echo."""
