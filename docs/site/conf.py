"""How Sphinx makes the site from the pages: `make docs`. Nothing in it is loaded from another address."""

project = "checkout-daemon"
author = "checkout-daemon"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "checkout-daemon"
html_copy_source = False
html_show_sphinx = False
# Headings as deep as any page links to.
myst_heading_anchors = 4
# A mermaid diagram is shown as its text: drawing it would take a script from elsewhere.
suppress_warnings = ["misc.highlighting_failure"]
# Every link is checked: to a page, to a section of one, to a file.
nitpicky = True
linkcheck_ignore = [r".*"]
