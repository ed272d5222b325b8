"""Whether one build of the engine is slower than another, measured side by side on one machine."""
