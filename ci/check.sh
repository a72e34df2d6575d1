#!/usr/bin/env bash
# Plans a set and reports the plan: annotations in the log, a summary of the step, SARIF, and with a
# token the one comment and the status. Everything comes by variables and is never read as code.
#
#   CHECK_PATH       the directory of reconcile.yaml, or a file       (.)
#   CHECK_ARGUMENTS  more arguments for `reconcile plan`, one a line  ()
#   CHECK_PACKAGE    what pip installs; empty: nothing                ()
#   CHECK_SARIF      where SARIF is written                           (reconcile.sarif)
#   CHECK_FOLDER     where the other reports are written              (a new directory)
#
# Exits with 0 for a plan, whatever it changes, else as `reconcile plan` does.
set -euo pipefail

path="${CHECK_PATH:-.}"
sarif="${CHECK_SARIF:-reconcile.sarif}"
folder="${CHECK_FOLDER:-$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/reconcile.XXXXXX")}"
token="${RECONCILE_FORGE_TOKEN:-}"
unset RECONCILE_FORGE_TOKEN # the plan has no need of it

if [ -n "${CHECK_PACKAGE:-}" ]; then
  python3 -m pip install --quiet --disable-pip-version-check -- "$CHECK_PACKAGE"
fi

arguments=()
while IFS= read -r line; do
  if [ -n "$line" ]; then arguments+=("$line"); fi
done <<<"${CHECK_ARGUMENTS:-}"

form=text
if [ -n "${GITHUB_ACTIONS:-}${GITEA_ACTIONS:-}" ]; then form=github; fi

code=0
reconcile plan --detailed-exitcode -o "$form" \
  --report "markdown=$folder/plan.md" --report "sarif=$sarif" \
  ${arguments[@]+"${arguments[@]}"} -f "$path" || code=$?

if [ -n "${GITHUB_OUTPUT:-}" ]; then
  printf '%s\n' "exitcode=$code" "markdown=$folder/plan.md" "sarif=$sarif" >>"$GITHUB_OUTPUT"
fi
if [ -f "$folder/plan.md" ]; then
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$folder/plan.md" >>"$GITHUB_STEP_SUMMARY"; fi
  if [ -n "$token" ]; then
    RECONCILE_FORGE_TOKEN="$token" reconcile comment "$folder/plan.md" ||
      echo "the plan stands; its comment or status could not be written" >&2
  fi
fi

if [ "$code" = 2 ]; then exit 0; fi
exit "$code"
