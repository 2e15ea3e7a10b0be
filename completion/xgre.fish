# SPDX-License-Identifier: GPL-2.0-only
# Completion of xgre for fish. What there is to offer, xgre itself says.

function __xgre_offers
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    for line in (command $words[1] __complete $words[2..-1] "$word" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$word"
        else
            printf '%s\n' $line
        end
    end
end

complete -c xgre -f -a '(__xgre_offers)'
