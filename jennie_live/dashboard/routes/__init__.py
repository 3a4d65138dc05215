"""One module per page or concern; a route reads, and says where from and how old."""
