# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Completion of xgre for bash. What there is to offer, xgre itself says.

_xgre() {
    # Bash has cut words at `:` and `=`, which MACs, IPv6 addresses and --key=7 contain: they are put
    # together again by where the line has blanks.
    local rest=${COMP_LINE:0:COMP_POINT} words=() part i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        part=${COMP_WORDS[i]}
        if ((i == 0)) || [[ $rest == [[:blank:]]* ]]; then
            words+=("")
            rest=${rest#"${rest%%[![:blank:]]*}"}
        fi
        ((i < COMP_CWORD)) || part=$rest
        words[-1]+=$part
        rest=${rest#"$part"}
    done

    # Readline puts a reply in the place of what is behind the last cut.
    local word=${words[-1]} kept="" cut line
    for cut in : =; do
        if [[ $COMP_WORDBREAKS == *$cut* && $word == *$cut* && ${#kept} -le ${#word} ]]; then
            part=${word%"$cut"*}$cut
            ((${#part} <= ${#kept})) || kept=$part
        fi
    done

    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            compopt -o filenames 2>/dev/null
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${word#"$kept"}")
        else
            line=${line%%$'\t'*}
            COMPREPLY+=("${line#"$kept"}")
        fi
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}

complete -F _xgre xgre
