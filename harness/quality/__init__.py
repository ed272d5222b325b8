"""The quality rows of the matrix, measured: a module a tool, a file for `redline run --quality`.

It reads and builds a checkout, so it is run there (`make quality`), not on a bench.
"""
