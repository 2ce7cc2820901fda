//! Logs, metrics and health of the operator: what a person on call looks at.
