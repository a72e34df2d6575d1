"""FlyteSecret on Flyte 1: keys of Kubernetes Secrets, in the cluster that runs the tasks."""
