"""What was measured, as values: histograms, percentiles, the noise floor of the host."""
