"""Scenarios and matrices: YAML read strictly, checked fully, frozen."""
