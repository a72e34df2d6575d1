#!/usr/bin/env bash
# The main job from end to end, on copies of the quickstart and of the example for Flyte 2, each on an
# embedded Flyte of its own. Each step checks what it promises; the first one that does not hold ends the
# demo with an error.
set -euo pipefail
cd "$(dirname "$0")/.."
reconcile=$PWD/.venv/bin/reconcile
python=$PWD/.venv/bin/python
stub=$PWD/examples/deactivate.py
trigger=$PWD/examples/trigger.py
engine=$PWD/examples/engine.py

copy=$(mktemp -d)
server=
playing=
stop() {
  if [[ -n $server ]]; then kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
  server=
}
finish() {
  if [[ -n $playing ]]; then kill "$playing" 2>/dev/null || true; fi
  stop
  rm -rf "$copy"
}
trap finish EXIT
cp -r examples/quickstart examples/flyte2 "$copy"
rm -rf "$copy"/*/.reconcile
cd "$copy/quickstart"

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
expect() {
  local wanted=$1 code=0
  shift
  echo "\$ ${*/#$reconcile/reconcile}"
  "$@" || code=$?
  if [[ $code != "$wanted" ]]; then
    echo "expected exit code $wanted and got $code" >&2
    exit 1
  fi
}

serve() {
  "$reconcile" dev --port 0 2>dev.log &
  server=$!
  for _ in $(seq 300); do grep -q 'embedded Flyte at' dev.log && break; sleep 0.1; done
  sed -n 1p dev.log
}
endpoint() { sed -n 's/^embedded Flyte at \([^ ]*\).*/\1/p' dev.log; }

say "A Flyte to work on"
serve

say "What would happen"
expect 2 "$reconcile" --dry-run --detailed-exitcode

say "Make it so"
expect 0 "$reconcile" --yes

say "A second plan is silent"
expect 0 "$reconcile" --dry-run --detailed-exitcode

say "An edit and its diff: Berlin starts an hour later"
sed -i.bak '0,/0 6 \* \* 1-5/s//0 7 * * 1-5/' specs/orders.yaml && rm specs/orders.yaml.bak
expect 2 "$reconcile" --dry-run --detailed-exitcode
expect 0 "$reconcile" --yes

say "A removal: the heartbeat leaves the repository and stops on Flyte"
rm specs/heartbeat.yaml
expect 0 "$reconcile" --yes

say "Drift: somebody stops a schedule behind our back"
"$python" "$stub" "$(endpoint)" orders-new-york
expect 2 "$reconcile" --dry-run --detailed-exitcode

say "Found and healed"
expect 0 "$reconcile" --yes
expect 0 "$reconcile" --dry-run --detailed-exitcode

say "When the plans fire next"
expect 0 "$reconcile" next

say "A backfill: which ticks of a week have no run"
expect 0 "$reconcile" backfill launchplan orders-berlin --from -7d --dry-run

say "Filled, four at a time, while an engine is played"
"$python" "$engine" "$(endpoint)" 2>engine.log &
playing=$!
expect 0 "$reconcile" backfill launchplan orders-berlin --from -7d --parallelism 4 --wait --interval 500ms | tee look.log
kill "$playing" 2>/dev/null; wait "$playing" 2>/dev/null || true
playing=
expect 0 grep -q ': done' look.log
expect 1 grep -q missing look.log

stop
cd ../flyte2
say "Flyte 2: a Flyte of its own, tasks that were recorded, and triggers"
serve
expect 2 "$reconcile" --dry-run --detailed-exitcode
expect 0 "$reconcile" --yes
expect 0 "$reconcile" --dry-run --detailed-exitcode

say "An edit of a trigger and its diff: no task moves"
sed -i.bak 's/rounds: 200/rounds: 300/' specs/train.yaml && rm specs/train.yaml.bak
expect 2 "$reconcile" --dry-run --detailed-exitcode
expect 0 "$reconcile" --yes

say "A removal: New York leaves the repository and its trigger is deactivated"
sed -i.bak '/^---$/,$d' specs/train.yaml && rm specs/train.yaml.bak
expect 0 "$reconcile" --yes
"$python" "$trigger" show "$(endpoint)" ranking.train train-new-york | tee look.log
expect 0 grep -q inactive look.log
expect 0 "$reconcile" --dry-run --detailed-exitcode

say "Drift: somebody stops a trigger behind our back"
"$python" "$trigger" stop "$(endpoint)" ranking.train train-berlin
expect 2 "$reconcile" --dry-run --detailed-exitcode

say "Found and healed"
expect 0 "$reconcile" --yes
"$python" "$trigger" show "$(endpoint)" ranking.train train-berlin | tee look.log
expect 1 grep -q inactive look.log
expect 0 "$reconcile" --dry-run --detailed-exitcode

say "When the triggers fire next"
expect 0 "$reconcile" next

say "Done: the demo left nothing behind"
