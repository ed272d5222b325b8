"""Faults put on the lines of a bench from a file (harness.config.impair), and what must come of it.

`plan_of` says who does what (harness.faults.plan); `tables` makes the table of fates;
`predict` tells which packets arrive; `impaired` puts all of it in place and takes it away again
(harness.faults.network); `impaired_flood` compares both (harness.faults.floods).
"""
