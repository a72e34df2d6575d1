"""The nouns that every other room shares: frozen values, no input or output, stdlib only (and RFC 8785)."""
