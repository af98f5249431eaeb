"""Real servers for the tests: Redis, PostgreSQL, a browser, and Watchfloor itself as a process of its own."""
