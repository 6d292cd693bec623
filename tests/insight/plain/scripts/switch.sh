#!/usr/bin/env bash
# switch.sh HOST: builds here and switches there.
set -euo pipefail
exec nixos-rebuild switch --flake ".#$1" --target-host "root@$1"
