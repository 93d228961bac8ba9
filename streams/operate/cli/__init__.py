"""The tieout command line, one module per command group."""
