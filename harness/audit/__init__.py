"""Audit logs: a second way of proving them, and their export for people and other programs."""
