# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The xgre that a lab works with: $XGRE, or the newest build of this checkout, or the installed one.

xgre_path() {
    local candidate
    if [[ -n ${XGRE:-} ]]; then echo "$XGRE" && return; fi
    for candidate in "$lab_dir"/../build/{release,debug,sanitize}/{cli/,bin/,}xgre; do
        if [[ -x $candidate && ! -d $candidate ]]; then realpath "$candidate" && return; fi
    done
    command -v xgre
}

# xgre on one host of the lab: on_host a peer add ...
on_host() {
    local host=$1
    shift
    "$(xgre_path)" --instance "$(instance "$host")" --netns "$(host_netns "$host")" "$@"
}
