"""The shop's own name, words, links and colours: `shop.toml`."""
