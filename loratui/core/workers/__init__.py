"""The one child protocol: work that is heavy, foreign or must be stoppable at any moment runs in a child process."""
