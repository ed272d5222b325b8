"""What the pytest plugin (harness/pytest_plugin.py) is made of."""
