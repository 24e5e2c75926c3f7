"""Where symbols are processed: threads, processes, a cluster."""
