"""Objects that are stored rather than modelled: enough of each for its requests, its events and the CLI's triggers."""
