"""One module a target, named for what strangers may send: `TARGET` in each."""
