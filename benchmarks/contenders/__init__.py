"""What is compared: servers that push to all their sockets when a line on their standard input says so."""
