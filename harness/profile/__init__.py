"""Where instructions go: components counted under callgrind, and held against a baseline."""
