"""What people run and see: command line, broker, metrics, pages."""
