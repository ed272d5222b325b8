"""What many runs say together: a store that only grows, comparisons, and series over nights."""
