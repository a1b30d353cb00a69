"""Several daemons behind nginx, which are restarted, killed and upgraded while the shop is in use."""
