#!/bin/sh
# Install chinwag from this folder into $VENV. The Makefile calls it: sh setup.sh program|workshop
#
#   program    what `make run` needs
#   workshop   that, and what the tests and checks need
#
# $PYTHON picks the Python; else it is the newest one from 3.11 on that runs, else uv brings one. Says one line while it
# installs. An environment that is broken, half made, or made for another place or Python is made anew.
set -eu
unset PYTHONHOME PYTHONPATH
export PIP_USER=0

part=${1:-}
venv=${VENV:-.venv}
wanted=${PYTHON:-}
case $part in
    program) what=. ;;
    workshop) what='.[dev]' ;;
    *) echo "setup.sh: program or workshop, not '$part'" >&2; exit 2 ;;
esac

stop() {
    printf '%s\n' "$@" >&2
    exit 1
}

said=
say() {
    if [ -z "$said" ]; then printf '%s ...' "$1" >&2; fi
    said=yes
}

# Sets $uv to one that runs.
find_uv() {
    for uv in "$(command -v uv || :)" "${HOME:-/nowhere}/.local/bin/uv" "${HOME:-/nowhere}/.cargo/bin/uv"; do
        if [ -n "$uv" ] && "$uv" --version >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

# Prints "MINOR can|cannot PATH" for a finished Python 3.11 or newer: whether it can make environments, and where it is
# by its full name (python3.13: a link to it breaks, instead of changing its meaning, when the system gets a newer one).
# A name on the PATH may be a shim that only complains, so each is asked.
look_at() {
    "$1" -c '
import os, sys
if sys.version_info < (3, 11) or sys.version_info[3] != "final":
    sys.exit(1)
try:
    import ensurepip, venv
    can = "can"
except ImportError:
    can = "cannot"
base = getattr(sys, "_base_executable", None) or sys.executable
full = os.path.join(os.path.dirname(base), "python3.%d" % sys.version_info[1])
print("%d %s %s" % (sys.version_info[1], can, full if os.access(full, os.X_OK) else base))
' 2>/dev/null </dev/null || :
}

look_at_all() {
    IFS=:
    for folder in $PATH; do
        for candidate in "$folder"/python3.[1-9][0-9] "$folder"/python3 "$folder"/python; do
            if [ -x "$candidate" ]; then look_at "$candidate"; fi
        done
    done
}

# Sets $python and $newest to the newest Python that can make environments, $crippled to the newest that cannot.
find_python() {
    python='' newest=0 crippled='' newest_crippled=0
    if [ -n "$wanted" ]; then
        found=$(look_at "$wanted")
        [ -n "$found" ] || stop "PYTHON=$wanted is not there, does not run, or is older than Python 3.11."
    else
        found=$(look_at_all)
    fi
    while read -r minor can path; do
        if [ "$can" = can ] && [ "$minor" -gt "$newest" ]; then
            newest=$minor python=$path
        elif [ "$can" = cannot ] && [ "$minor" -gt "$newest_crippled" ]; then
            newest_crippled=$minor crippled=$path
        fi
    done <<END
$found
END
}

# Makes $venv from nothing. What stands there is removed only when it is an environment.
make_environment() {
    if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ]; then
        rmdir "$venv" 2>/dev/null ||
            stop "$venv is in the way and is no Python environment: move it, or name another folder with VENV=..."
    fi
    find_python
    if [ -n "$python" ]; then
        say "setting up $venv with Python 3.$newest, about a minute"
        rm -rf "$venv"
        output=$("$python" -m venv "$venv" 2>&1) || stop "" "$output" "" "$python could not make an environment in $venv."
    elif find_uv; then
        say "setting up $venv with uv, about a minute"
        rm -rf "$venv"
        output=$("$uv" venv --quiet --python "${crippled:-3.13}" "$venv" 2>&1) ||
            stop "" "$output" "" "$uv could not make an environment in $venv."
    elif [ -n "$crippled" ]; then
        stop "$crippled cannot make environments: Debian and Ubuntu package that apart. This line installs it:" "" \
            "    sudo apt install python3-venv" "" "(If that is not enough: sudo apt install python3.$newest_crippled-venv)"
    else
        stop "chinwag needs Python 3.11 or newer, and there is none. This line installs what is missing:" "" \
            "    curl -LsSf https://astral.sh/uv/install.sh | sh" "" "(Any other way to a Python from 3.11 on will do as well.)"
    fi
    : >"$venv/.unfinished"
}

install() {
    : >"$venv/.unfinished"
    if "$venv/bin/python" -c 'import pip' 2>/dev/null; then
        "$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --progress-bar off -e "$what" 2>&1
    elif find_uv; then
        "$uv" pip install --quiet --no-progress --python "$venv/bin/python" -e "$what" 2>&1
    else
        echo "$venv has no pip, and there is no uv."
        return 1
    fi
}

stamp=$venv/.installed-$part
kept=$(cat "$venv/.made-with" 2>/dev/null || :)
made_with="${wanted:-${kept%% *}} $(pwd)"
is_new=
if [ "$kept" != "$made_with" ] || [ -e "$venv/.unfinished" ] || ! "$venv/bin/python" -c '
import sys
sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)' 2>/dev/null; then
    made_with="${wanted:--} $(pwd)"
    make_environment
    is_new=yes
elif [ "$(cat "$stamp" 2>/dev/null || :)" = "$(cat pyproject.toml)" ]; then
    touch "$stamp" # a checkout gives files new times without changing them
    exit 0
fi

say "bringing $venv up to date"
if ! output=$(install); then
    # What an older installation left may be in the way: once more, from nothing.
    if [ -n "$is_new" ] || { make_environment && ! output=$(install); }; then
        stop "" "$output" "" "It could not be installed: the cause is above. Another Python is tried with PYTHON=python3.13, say."
    fi
fi
printf '%s\n' "$made_with" >"$venv/.made-with"
for name in program "$part"; do
    cat pyproject.toml >"$venv/.installed-$name"
done
rm -f "$venv/.unfinished"
echo ' done' >&2
