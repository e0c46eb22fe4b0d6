"""What was asked before: recent queries, those kept under a name, and what is new since."""
