"""Stats endpoint and the one page for the cluster."""
