"""Where the parts run: benches, and the processes that hold an engine while it is measured."""
