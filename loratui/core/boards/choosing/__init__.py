"""What a person wants of the pictures besides the QUERY, and what each wish costs."""
