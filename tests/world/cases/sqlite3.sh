# what: sqlite3: 2,500 transactions with a journal each, databases attached and detached, WAL, backup, imports, a lock that is held
# time: 120
exec 2>&1
{
	echo 'pragma synchronous = off; create table t (id integer primary key, h text);'
	for i in $(seq 2500); do echo "insert into t (h) values (hex($i * 7919));"; done
	echo 'select count(*), sum(id), length(group_concat(h)) from t;'
} | sqlite3 main.db; echo "status $?"
{
	for i in $(seq 1800); do echo "attach 'other$((i % 20)).db' as o; create table if not exists o.x (n); insert into o.x values ($i); detach o;"; done
	for i in $(seq 0 19); do echo "attach 'other$i.db' as o; select count(*), sum(n) from o.x; detach o;"; done
} | sqlite3 main.db | sha256sum
for i in $(seq 200); do echo ".open other$((i % 20)).db"; echo "select max(n) from x;"; done | sqlite3 | sha256sum
sqlite3 wal.db 'pragma journal_mode = wal' 'create table w (n)'
for i in $(seq 60); do sqlite3 wal.db '.timeout 20000' "insert into w values ($i)" & [ $((i % 4)) -ne 0 ] || wait; done; wait
sqlite3 wal.db 'select count(*) from w' 'pragma wal_checkpoint(truncate)'
for i in $(seq 15); do sqlite3 main.db ".backup copy.db" ".clone /dev/null" >/dev/null 2>&1; done; sqlite3 copy.db 'pragma integrity_check' 'select count(*) from t'
seq 1000 | sed 's/.*/&,row &/' >rows.csv
sqlite3 main.db 'create table c (a, b)' '.mode csv' '.import rows.csv c' 'select count(*) from c' '.output out.csv' 'select * from c' '.output stdout' 'vacuum' 'pragma quick_check'
cmp <(tr -d '\r"' <out.csv) rows.csv && echo same
sqlite3 main.db '.read nothing.sql'; echo "status $?"
mkfifo hold; (sqlite3 main.db 'begin exclusive' '.shell cat hold' commit; echo "held $?") & sleep 0.5
sqlite3 main.db 'insert into t (h) values (1)' 2>&1 | grep -o 'database is locked'; echo go >hold; wait
/usr/bin/python3 -c '
import sqlite3, threading
def work(n):
    for i in range(100):
        with sqlite3.connect("threads.db", timeout=30) as c: c.execute("insert into t values (?)", (n * 100 + i,))
        c.close()
with sqlite3.connect("threads.db") as c: c.execute("pragma journal_mode = wal"); c.execute("create table t (n)")
c.close()
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()
c = sqlite3.connect("threads.db"); print(c.execute("select count(*), sum(n) from t").fetchone()); c.close()'
