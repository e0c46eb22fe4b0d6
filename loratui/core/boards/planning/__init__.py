"""What of a QUERY goes to the site, and what is judged here."""
