"""The exchange on the bench: its scripts, its servers."""
