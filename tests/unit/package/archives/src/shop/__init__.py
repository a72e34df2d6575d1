"""Code that flyte2/*.tgz were recorded from; see `app`."""
