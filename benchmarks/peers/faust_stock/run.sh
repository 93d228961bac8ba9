#!/usr/bin/env bash
# Stock Faust on the comparison job; the environment is that of comparison.contenders.contract.
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
python="$here/../.installed/faust_stock/bin/python"
[ -x "$python" ] || { echo "faust_stock is not installed; run: make peer-faust_stock" >&2; exit 1; }
cd "$STATE_DIR" && PYTHONPATH="$here/.." exec "$python" "$here/contract_sync.py" worker -l warn --without-web
