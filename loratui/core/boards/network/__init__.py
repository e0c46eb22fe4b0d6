"""Connections, manners towards hosts, and answers that are none, in plain words."""
