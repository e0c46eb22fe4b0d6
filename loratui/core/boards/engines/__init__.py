"""One small module for each family of boards: the requests it wants, the answers it gives, the words it knows."""
