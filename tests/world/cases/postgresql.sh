# what: PostgreSQL: initdb, start, pgbench, queries, dump, stop
# time: 120
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
export PGHOST=$PWD/tmp PGPORT=$PORT PGUSER=pg PGDATABASE=postgres PGDATA=$PWD/data
"$bin/initdb" -N -U pg -A trust >initdb.txt 2>&1; echo "initdb $?"
sed -n 's/^\(Success\).*/\1/p' initdb.txt
"$bin/pg_ctl" -w -l server.log -o "-p $PORT -c listen_addresses=127.0.0.1 -c unix_socket_directories=$PWD/tmp -c fsync=off" start >/dev/null
echo "start $?"
trap '"$bin/pg_ctl" -m immediate stop >/dev/null 2>&1' EXIT
"$bin/psql" -Atc "create table t as select g as id, md5(g::text) as h from generate_series(1, 20000) g" \
	-c "select count(*), md5(string_agg(h, '' order by id)) from t"
"$bin/psql" -At -c "set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set min_parallel_table_scan_size = 0" \
	-c "select count(distinct h) from t" -c "copy (select * from t where id < 5) to stdout"
"$bin/psql" -Atc "copy (select 1) to program 'cat >&2'" 2>&1; echo "status $?"
"$bin/pgbench" -i -q -s 1 >/dev/null 2>&1; echo "pgbench -i $?"
"$bin/pgbench" -n -c 6 -j 2 -t 60 2>/dev/null | grep -E '^number of (transactions actually|failed)|^query mode'
"$bin/pgbench" -n -S -C -c 4 -t 60 2>/dev/null | grep -E '^number of (transactions actually|failed)'
"$bin/psql" -h 127.0.0.1 -Atc "select sum(abalance) = sum(delta) from pgbench_accounts, lateral (select 0) x, (select sum(delta) as delta from pgbench_history) d limit 0" \
	-c "select count(*) from pgbench_history" -c "vacuum analyze" -c "checkpoint"
"$bin/pg_dump" -t t postgres | grep -vE '^(--|.restrict|.unrestrict)' | sha256sum
"$bin/psql" -Atc "select nosuch" 2>&1 | head -2; echo "status ${PIPESTATUS[0]}"
"$bin/pg_ctl" -w -m fast stop >/dev/null; echo "stop $?"
grep -E 'PANIC|FATAL|WARNING' server.log | grep -v 'terminating connection due to administrator command' | sed 's/^.*\] //' | sort | uniq -c
"$bin/pg_ctl" -w -l server.log -o "-p $PORT -c listen_addresses= -c unix_socket_directories=$PWD/tmp" start >/dev/null; echo "start $?"
"$bin/psql" -Atc "select count(*) from t"
"$bin/pg_ctl" -w -m smart stop >/dev/null; echo "stop $?"
