"""The words of a QUERY: parsed, judged from a post's record, written for a site; with dates and ages."""
