"""What packages of both Flytes have in common: code archives, uploads, and the recorded format."""
