#!/bin/sh
# Installs Debian packages whose programs or files are missing, where we may: packages.sh PROGRAM:PACKAGE...
# Elsewhere it says what is missing; the tests that need it are then skipped, and say so.
set -eu

missing=
for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || [ -e "${pair%%:*}" ] || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not installed:$missing; what needs it is skipped (as root on Debian this would install it)"
    exit 0
fi

# The tests start these programs themselves. Debian would start them as services, too, unless this file says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi

echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
{
    apt-get update -q &&
        # shellcheck disable=SC2086  # a list of words
        apt-get install -q -y --no-install-recommends $missing
} >"${STAMPS:-.stamps}/packages.log" 2>&1 || {
    tail -n 20 "${STAMPS:-.stamps}/packages.log"
    echo "could not install:$missing; what needs it is skipped"
}
