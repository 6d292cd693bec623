"""Where a repository stands: what is in it, what it lacks, and what is planned."""
