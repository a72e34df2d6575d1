"""Exit codes of every command; see design: Terraform's contract, and no others."""

OK = 0
ERROR = 1
PENDING = 2
REFUSED = 3
UNREACHABLE = 4
INTERRUPTED = 130
TERMINATED = 143
