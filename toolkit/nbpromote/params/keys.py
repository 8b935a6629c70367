"""The keys of the files, and where one belongs that stands in another."""

from __future__ import annotations

PARAMS = ("tracking_uri", "kernel", "parameters", "notebooks", "limits", "pass_env", "secrets")
PARAMS_OF_A_NOTEBOOK = ("parameters", "inputs", "outputs", "kernel", "limits", "secrets")
DURATIONS = ("start", "cell", "notebook")
OUTPUTS = ("cell_output", "notebook_output")
LIMITS = (*DURATIONS, *OUTPUTS)

CONSENT = ("groups", "signatures", "allowed_signers", "apply", "appliers")
CONSENT_OF_A_NOTEBOOK = ("approvals", "soak", "windows", "auto", "override", "review_by", "expires")  # or of all
APPROVALS = ("count", "groups", "expires")
WINDOW = ("allow", "deny", "zone")
POLICY = (
    *("promotes_from", "protects", "isolation", "fresh", "gates", "notebooks"),
    *CONSENT_OF_A_NOTEBOOK,
    *CONSENT,
)
POLICY_OF_A_NOTEBOOK = ("strategy", "gates", *CONSENT_OF_A_NOTEBOOK)
ABSOLUTE = ("max", "min")
GAINS = ("min_absolute_change", "min_relative_change")
CHANGES = ("max_increase", "max_decrease", "max_relative_increase", "max_relative_decrease", *GAINS)
COMPARING = (*CHANGES, "confidence", "greater_is_better")  # nothing without `versus: live`
SUBJECTS = ("metric", "check", "budget")
BUDGETS = ("time", "memory", "output")
GATE = (*SUBJECTS, "versus", "mode", "on", "by", "min_count", *ABSOLUTE, *COMPARING)


CONTRACT = ("compare", "sanitize", "scraps", "inputs", "outputs", "evaluation")
COMPARE = ("rtol", "atol", "figures", "unordered")
KINDS = ("number", "integer", "text", "flag", "list", "mapping", "table", "figure")
SCRAP = ("type", "min", "max", *COMPARE)
_DATA = ("schema", "min_rows", "max_rows")
INPUT = (*_DATA, "max_age")
OUTPUT = (*_DATA, "rows_versus_live", "may_change")
EVALUATION = ("on", "target", "prediction")

# where a key belongs that stands in the other file
OF_PARAMS = dict.fromkeys({*PARAMS, *PARAMS_OF_A_NOTEBOOK}, "<environment>.yaml")
OF_POLICY = dict.fromkeys({*POLICY, *POLICY_OF_A_NOTEBOOK}, "<environment>.policy.yaml")
OF_PROJECT = {"policy_ref": "pyproject.toml, under [tool.nbpromote]"}
OF_DATA = {"max_age": "an input's rule", "rows_versus_live": "an output's rule", "may_change": "an output's rule"}
