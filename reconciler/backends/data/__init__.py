"""Bytes that travel beside gRPC: uploads to signed URLs, shared by both Flytes."""
