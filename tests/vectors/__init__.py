"""What the daemon and the storefront must both say, case by case, in files that both test."""
