"""dashboard-api (8090): what the platform knows, with its age, for one logged-in operator."""
