"""Bodies of the dashboard's API; the page's TypeScript types are generated from them."""
