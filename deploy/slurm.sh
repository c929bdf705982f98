#!/bin/bash
# One run on a Slurm cluster with a shared file system:
#
#   sbatch deploy/slurm.sh /shared/photos --out /shared/clean
#
# The same command continues a run that was stopped.
#SBATCH --job-name=denoise
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@300
set -euo pipefail

# shellcheck source=/dev/null
source "${DENOISE_VENV:-$HOME/denoise/.venv}/bin/activate"

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head --lines 1)
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')

# Five minutes before the time limit Slurm sends SIGTERM: files in flight are finished.
trap 'kill -TERM "$run"; wait "$run"' TERM
srun ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" -- \
    denoise "$@" --cluster auto &
run=$!
wait "$run"
