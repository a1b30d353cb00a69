"""Objects that are kept rather than modelled: enough of each for its requests, its events and the CLI's triggers."""
