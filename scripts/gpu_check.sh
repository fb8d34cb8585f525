#!/usr/bin/env bash
# The GPU tests and benchmarks in under nine minutes, then a short table. Needs a GPU and what is in the environment:
# Python 3.11 or 3.12, torch >= 2.11, numpy, pyarrow, xxhash, tokenizers, safetensors, rich, pytest, hypothesis.
set -uo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH=src

echo "== device"
"$python" - <<'END'
import platform, torch
print("python", platform.python_version(), "torch", torch.__version__)
print(torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU")
END
git log -1 --format='commit %h %cI' 2>/dev/null

echo "== tests"
timeout 240 "$python" -m pytest -m gpu -n0 -p no:cacheprovider; tests=$?

echo "== step: tokens/s on this device"
timeout 240 "$python" benchmarks/gpu_step.py; bench=$?
exit $((tests || bench))
