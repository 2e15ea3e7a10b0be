# SPDX-License-Identifier: GPL-2.0-only
# From C sources, every line of every function as an element of an array of struct SourceLine: file,
# line number, function, text. Told by the format that scripts/lint holds the sources to: a function's
# head begins in the first column, and its braces stand there alone.
FNR == 1 { file = FILENAME; sub(/.*\//, "", file); inside = 0 }
/^[A-Za-z_].*\(/ && !inside { head = $0; sub(/\(.*/, "", head); sub(/.*[ *]/, "", head); begin = FNR; n = 0 }
{ text[FNR] = $0 }
/^\{$/ { inside = 1 }
/^\}/ && inside {
    for (line = begin; line <= FNR; line++) {
        t = text[line]
        gsub(/^[ \t]+|[ \t]+$/, "", t)
        gsub(/\\/, "\\\\", t)
        gsub(/"/, "\\\"", t)
        printf "{\"%s\", %d, \"%s\", \"%s\"},\n", file, line, head, t
    }
    inside = 0
}
