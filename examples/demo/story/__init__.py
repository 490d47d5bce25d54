"""What ``run.py`` plays: it starts the project, sends tasks, and compares what is stored with what should be."""
