# shellcheck shell=bash
# Sourced by scripts/quickstart and scripts/test: finds python, git and uv, and installs into .venv.
# Nothing has to be installed before: uv comes from the package index with a pinned hash when it is not here.

say() { printf '%s\n' "==> $*" >&2; }

die() {
    printf '%s\n' "error: $1" >&2
    [ $# -lt 2 ] || printf '%s\n' "hint: $2" >&2
    exit 1
}

# The first python on PATH that is 3.11 or newer; plain `python3` is preferred, as it is the machine's own.
find_python() {
    local name found
    for name in "${AUTOLAB_PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14; do
        found=$(command -v "$name") || continue
        if "$found" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$found" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    die "no Python 3.11 or newer on PATH" "on Debian or Ubuntu: sudo apt-get install python3; or set AUTOLAB_PYTHON to one"
}

need_git() {
    command -v git >/dev/null || die "git is not on PATH" "on Debian or Ubuntu: sudo apt-get install git"
}

# Sets PYTHON and UV, and the few variables that make uv behave the same everywhere.
prepare() {
    need_git
    PYTHON=$(find_python) || exit 1
    UV=$("$PYTHON" "$ROOT/scripts/fetch_uv.py") || exit 1
    export UV_PYTHON_DOWNLOADS=never
    export UV_PYTHON_PREFERENCE=only-system
    export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"     # a lab's own certificate authority is in the system's store
    export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-120}"
    export UV_NO_PROGRESS=1
    export UV_PROJECT_ENVIRONMENT="$ROOT/.venv"
    export UV_LINK_MODE="${UV_LINK_MODE:-copy}"           # the cache and the checkout may be on different disks
    case "$UV" in
    "$ROOT"/.venv-tools/*) export UV_CACHE_DIR="${UV_CACHE_DIR:-$ROOT/.venv-tools/cache}" ;;    # a home that cannot be written to
    esac
    unset VIRTUAL_ENV PYTHONHOME PYTHONPATH
    say "python: $("$PYTHON" -c 'import sys; print(sys.version.split()[0], sys.executable)')"
    say "uv: $("$UV" --version)"
}

# install [uv sync options]: what uv.lock says, into .venv. The lock names pypi.org; an index of one's own
# is asked for the same files, checked against the same hashes.
install() {
    local mirror="${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-}}}" python=$PYTHON there="" wanted
    # An environment that is there keeps its python: another one would make uv build it anew.
    if "$ROOT/.venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$ROOT/.venv/bin/python there=yes
    fi
    case "$mirror" in
    "" | https://pypi.org/simple | https://pypi.org/simple/)
        (unset UV_DEFAULT_INDEX UV_INDEX_URL && "$UV" sync --directory "$ROOT" --locked --quiet --inexact --python "$python" "$@")
        return
        ;;
    esac
    export UV_DEFAULT_INDEX=$mirror
    wanted=$(mktemp)
    "$UV" export --directory "$ROOT" --frozen --quiet --no-emit-project --output-file "$wanted" "$@" >/dev/null &&
        { [ -n "$there" ] || "$UV" venv --quiet --clear --python "$PYTHON" "$ROOT/.venv"; } &&
        "$UV" pip install --quiet --python "$ROOT/.venv/bin/python" --require-hashes -r "$wanted" &&
        "$UV" pip install --quiet --python "$ROOT/.venv/bin/python" --no-deps -e "$ROOT"
    local ended=$?
    rm -f "$wanted"
    return "$ended"
}
