"""The web page: what is declared and live, read-only, made on this side without any script."""
