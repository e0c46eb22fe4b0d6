"""Posts, page after page, of one board or of several, with their tags by category."""
