"""From a passing run to what is live, and back: plan, run or carry, ask, wait, apply, verify, return."""
