#!/usr/bin/env bash
# Makes the two small fonts that every page loads first, from the packages: Western letters, the weights and features that
# the stylesheet asks for. All else is loaded from the packages' own files where a page needs it. Run it after a new version
# of the packages (Debian: apt-get install fonttools python3-brotli), and count the numbers in the names up: browsers keep them.
set -euo pipefail
cd "$(dirname "$0")/.."
made=views/assets/fonts
letters=U+0020-007E,U+00A0-00FF,U+0131,U+0152-0153,U+2010-2015,U+2018-201F,U+2022,U+2026,U+2032-2033,U+2039-203A,U+20AC,U+2122,U+2190-2193,U+2212
between=$(mktemp --suffix=.ttf)
trap 'rm -f "$between"' EXIT
subset() {
  # names are left out: a changed font must not bear the name that its makers have reserved
  pyftsubset "$1" --unicodes="$letters" --layout-features=kern,liga,ccmp,locl,mark,lnum,tnum --name-IDs= \
    --no-hinting --flavor=woff2 --output-file="$2"
}
fonttools varLib.instancer -q node_modules/@fontsource-variable/source-sans-3/files/source-sans-3-latin-wght-normal.woff2 \
  wght=400:600 -o "$between"
subset "$between" "$made/text-1.woff2"
subset node_modules/@fontsource/newsreader/files/newsreader-latin-500-normal.woff2 "$made/title-1.woff2"
