"""Who we are to a backend and whom we trust: secrets, TLS and tokens, shared by both Flytes."""
