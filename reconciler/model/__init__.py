"""The nouns that every other room shares: frozen values without input or output."""
