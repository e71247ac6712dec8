"""What pytest leaves alone here: the settings of Sphinx, and what it makes."""

collect_ignore = ["conf.py", "_build", "auto_examples", "api/generated"]
