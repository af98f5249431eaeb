"""What `make lint` checks. Each gate is a command that ends with 0 or says what is wrong."""
