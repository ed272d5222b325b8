"""Targets, weights and gates: from verdicts to a score, and from a score to a sign-off."""
