"""What holds for all tests: one thread for each worker's torch, and waiting threads that leave the cores to others."""

import os

# Before anything imports torch; tests run side by side, and each worker's threads would take the others' cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
