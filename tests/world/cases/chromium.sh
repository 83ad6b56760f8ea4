# what: chromium in its sandbox: zygotes that must have one thread, namespaces, filters, shared memory; pages from files and a server, a screenshot, a document
# time: 150
# kills: the browser ends three of its processes by a signal, wherever they are
command -v chromium >/dev/null || skip "needs chromium"
unshare --user true 2>/dev/null || skip "no user namespaces here: chromium would need no sandbox"
mkdir web; printf '<html><body><script>for (let i = 0; i < 5; i++) document.write("<p>" + i * i + "</p>")</script></body></html>' >web/a.html
c() { chromium --headless --disable-gpu --no-first-run --user-data-dir="$PWD/profile" --virtual-time-budget=2000 "$@" 2>/dev/null; echo "status $?"; }
c --dump-dom "file://$PWD/web/a.html"
python3 -m http.server --bind 127.0.0.1 -d web "$PORT" >/dev/null 2>&1 & server=$!
trap 'kill $server 2>/dev/null' EXIT
wait_for 10 listening "$PORT"
c --dump-dom "http://127.0.0.1:$PORT/a.html"
c --screenshot="$PWD/shot.png" "file://$PWD/web/a.html"; head -c 4 shot.png | od -An -c
c --print-to-pdf="$PWD/a.pdf" "file://$PWD/web/a.html"; head -c 4 a.pdf; echo
