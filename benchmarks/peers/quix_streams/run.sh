#!/usr/bin/env bash
# Quix Streams on the comparison job; the environment is that of comparison.contenders.contract.
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
python="$here/../.installed/quix_streams/bin/python"
[ -x "$python" ] || { echo "quix_streams is not installed; run: make peer-quix_streams" >&2; exit 1; }
cd "$STATE_DIR" && PYTHONPATH="$here/.." exec "$python" "$here/contract_sync.py"
