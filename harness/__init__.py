"""Redline's harness: tunes hosts, drives the engine, measures, judges and writes the evidence.

It knows the engine only through the `engine` package.
"""

__version__ = "0.1.0"
