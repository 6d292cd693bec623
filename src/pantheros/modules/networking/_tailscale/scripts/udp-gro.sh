#!/usr/bin/env bash
# Let the network card hand UDP packets on in batches: udp-gro.sh [INTERFACE]
set -euo pipefail

# The interface of the default route, of IPv4 before IPv6.
default_interface() {
  local family words i
  for family in -4 -6; do
    read -ra words < <(ip "$family" -oneline route show default) || true
    for ((i = 0; i + 1 < ${#words[@]}; i++)); do
      if [[ ${words[i]} == dev ]]; then
        printf '%s\n' "${words[i + 1]}"
        return
      fi
    done
  done
  return 1
}

if ! interface=${1:-$(default_interface)}; then
  echo "there is no default route: UDP is not tuned" >&2
  exit 1
fi
# A card without the feature forwards as it did before: no reason to fail.
if ethtool -K "$interface" rx-udp-gro-forwarding on rx-gro-list off; then
  echo "$interface forwards UDP in batches"
else
  echo "$interface cannot forward UDP in batches" >&2
fi
