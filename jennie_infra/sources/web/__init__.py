"""Suppliers of market data on the web, one module each; a reply counts only after its content was judged."""
