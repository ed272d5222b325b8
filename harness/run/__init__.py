"""One execution of a scenario: its directory of evidence, its judgement, the check of both."""
