#!/bin/sh
# analyzer/charts/bundle.sh OUT: makes one script of charts.js and what it uses, with every licence. Context: called by make, in a copy of this
# folder below build/. Without npm, or without its registry, OUT is empty, and HTML reports have still pictures only.
set -u
if command -v npm >/dev/null && npm ci --silent --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000 >/dev/null 2>&1 &&
	node_modules/.bin/esbuild charts.js --bundle --minify --format=iife --loader:.css=text --legal-comments=none --log-level=warning --outfile=bundle.js; then
	{
		echo '/* The charts use what follows; its licences: */'
		for dir in node_modules/*/; do
			[ "$dir" = node_modules/esbuild/ ] || [ ! -e "$dir"LICENSE ] || { echo "/* ${dir#node_modules/}"; cat "$dir"LICENSE; echo '*/'; }
		done
		cat bundle.js
	} >"$1"
else
	echo '          npm is not at hand: HTML reports will have still pictures only'
	: >"$1"
fi
