"""The MCP server: assistants read the shop with its tools, and propose what a person then approves."""
