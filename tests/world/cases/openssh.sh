# what: openssh-client: sftp with a server on pipes, 1,000 files there and back; an agent; connections refused by proxy command and server; keys scanned
# time: 120
# log: file
exec 2>&1
mkdir src; many 1000 'i % 40 + 1' src/f
s() { sftp -q -D /usr/lib/openssh/sftp-server -b - 2>&1 | grep -v '^sftp> ' | sed "s|$PWD||g"; }
printf 'mkdir in\nput -r src in\nls -1 in/src\n' | s | wc -l; diff -r src in/src && echo same
printf 'get -r in/src back\n' | s | wc -l; diff -r src back && echo same
{ for i in $(seq 500); do printf 'get -p src/f%d one\nput one two\nrename two three\nchmod 600 three\nrm three\n' $i; done; } | s | sha256sum; cmp one src/f500 && echo same
printf 'cd src\nlcd back\nreput f7\nreget f8\nln -s f1 link\ndf -h\nls -l f1\nget none\n' | s | awk '{ print $1 }' | sort | uniq -c | awk '{ print $2 }'
ssh-keygen -q -t ed25519 -N '' -f key; eval "$(ssh-agent -a "$PWD/agent" -s)" >/dev/null; trap 'kill $SSH_AGENT_PID 2>/dev/null' EXIT
for i in $(seq 20); do ssh-add -q key; ssh-add -l | awk '{ print $1, $4 }'; ssh-add -q -d key.pub; done | sort | uniq -c; ssh-add -l; echo "status $?"
for i in $(seq 20); do ssh -F none -o ProxyCommand=false -o BatchMode=yes nobody@nowhere.invalid true 2>/dev/null; echo "status $?"; done | uniq -c
ssh -G -F none example.invalid | grep -E '^(port|user) ' | sed 's/user .*/user/'
# A server is not installed for this: where there is one, it is used.
[ -x /usr/sbin/sshd ] || { echo "no sshd"; exit 0; }
cat >sshd_config <<END
ListenAddress 127.0.0.1:$PORT
HostKey $PWD/host
AuthorizedKeysFile $PWD/authorized
PidFile $PWD/pid
StrictModes no
MaxStartups 100
UsePAM no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
LogLevel QUIET
END
ssh-keygen -q -t ed25519 -N '' -f host; cp key.pub authorized; echo "[127.0.0.1]:$PORT $(cut -d' ' -f1-2 host.pub)" >known
options=(-F none -o UserKnownHostsFile="$PWD/known" -i key -o BatchMode=yes -o IdentitiesOnly=yes -p "$PORT")
/usr/sbin/sshd -D -f sshd_config -E "$PWD/sshd.log" & sshd=$!
trap 'kill $sshd $SSH_AGENT_PID 2>/dev/null' EXIT
wait_for 10 listening "$PORT" || exit
# Keys are exchanged; who may come in is another matter: the user of this test has no account.
for i in $(seq 20); do ssh "${options[@]}" stranger@127.0.0.1 true; echo "status $?"; done 2>&1 | tr -d '\r' | sort | uniq -c
for i in $(seq 10); do ssh-keyscan -p "$PORT" -t ed25519,rsa 127.0.0.1 2>/dev/null; done | cut -d' ' -f2- | sort | uniq -c | cmp - <(echo "     10 $(cut -d' ' -f1-2 host.pub)") && echo scanned
kill $sshd; wait $sshd; echo "end $?"
