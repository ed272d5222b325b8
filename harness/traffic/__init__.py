"""What is sent and when: calibrations, synthetic streams, captures, schedules."""
