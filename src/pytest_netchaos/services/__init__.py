"""Servers that a test can pause, kill and restart: local processes that die with the pytest process."""
