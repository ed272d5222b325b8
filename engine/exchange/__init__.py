"""The exchange: matching, as the engine's own C does it."""
