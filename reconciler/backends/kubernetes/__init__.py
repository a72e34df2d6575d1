"""Kubernetes: how a cluster is reached, a small client for its API, and the secrets kept there."""
