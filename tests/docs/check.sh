#!/usr/bin/env bash
# docs/generated is what the state tables print, what the names of the tests show of the faults (tests/docs/matrix), and
# what the planted bugs show of the mistakes (tests/docs/mistakes);
# docs/protocol.md, sagas.md and events.md have every rule and section that is cited, docs/faults.md defines every number
# that a comment cites, each scenario has a planted bug that must violate it, and no line of code is longer than 120 columns.
# usage: check.sh STATE_DOCS SOURCE_DIR
set -euo pipefail
state_docs=$1
source=$2
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"$state_docs" "$fresh"
"$source/tests/docs/matrix" "$source" >"$fresh/matrix.md" || exit 1
"$source/tests/docs/mistakes" "$source" >"$fresh/mistakes.md" || exit 1
diff -ru "$source/docs/generated" "$fresh" || {
    echo "docs/generated is out of date: build/dev/tests/state-docs docs/generated; tests/docs/matrix . >docs/generated/matrix.md;" \
        "tests/docs/mistakes . >docs/generated/mistakes.md"
    exit 1
}
missing=0
# rules PAGE TABLE...: whether the page defines each rule that the state tables cite.
rules() {
    local page=$1 rule
    shift
    for rule in $(cd "$source" && grep -hoE '"([0-9]\.[0-9]|E)[a-z0-9-]*"\)' "$@" | tr -d '")' | sort -u); do
        grep -q "^| $rule |" "$source/docs/$page" || {
            echo "docs/$page does not define rule $rule"
            missing=1
        }
    done
}
rules protocol.md coordinator/core/coord.def participant/core/branch.def
rules sagas.md coordinator/core/saga/{saga,step,breaker}.def
rules events.md coordinator/core/relay/{group,lane}.def
cited() {
    grep -rhoE "$1" --include='*.[ch]' --include='*.def' --include='*.proto' --include='*.txt' \
        "$source"/{proto,coordinator,participant,chaos,bench,examples,tests} |
        grep -oE '[A-Z]?[0-9.]+' | sort -u
}
# sections WORD PAGE LEVEL: whether the page has each section that is cited as "WORD 2.2".
sections() {
    local section
    for section in $(cited "$1 [0-9]\.[0-9]+"); do
        grep -qF "$3 $section " "$source/docs/$2" || {
            echo "docs/$2 has no section $section"
            missing=1
        }
    done
}
sections protocol protocol.md '###'
sections sagas sagas.md '##'
# defined PATTERN SECTION: whether each number that is cited so has a row there (SECTION: a pattern of its heading).
defined() {
    local rows
    rows=$(awk -v section="$2" '/^## / { inside = $0 ~ section } inside' "$source/docs/faults.md")
    for number in $(cited "$1"); do
        grep -q "^| $number |" <<<"$rows" || {
            echo "docs/faults.md does not define $number ($2)"
            missing=1
        }
    done
}
defined '\b(F[0-9]{3}|B[0-9]{2}|I[0-9]{2})(\b|_)' '.'
defined '[Mm]istakes? [0-9]+( and [0-9]+)?' 'Mistakes'
defined '[Tt]raps? [0-9]+( and [0-9]+)?' 'Traps'
while read -r line; do
    echo "longer than 120 columns: $line"
    missing=1
done < <(find "$source"/{proto,coordinator,participant,chaos,bench,examples,tests,cmake} \
    \( -name '*.[ch]' -o -name CMakeLists.txt -o -name '*.cmake' \) -exec awk 'length > 120 { print FILENAME ":" FNR }' {} +)
# A planted bug that does not apply shows nothing.
if git -C "$source" rev-parse --git-dir >/dev/null 2>&1; then
    for patch in "$source"/tests/mutants/*.patch; do
        git -C "$source" apply --check "$patch" 2>/dev/null || {
            echo "does not apply: $patch"
            missing=1
        }
    done
fi
# Nor does a scenario that no planted bug has to violate.
for scenario in "$source"/chaos/scenarios/*.yaml; do
    name=$(basename "$scenario" .yaml)
    grep -qE "^Scenario: $name( |\$)" "$source"/tests/mutants/*.patch || {
        echo "no planted bug has to violate $scenario"
        missing=1
    }
done
exit "$missing"
