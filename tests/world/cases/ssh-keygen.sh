# what: ssh-keygen: keys of each kind, signatures, certificates
# time: 60
exec 2>&1
for kind in ed25519 ecdsa rsa; do
	ssh-keygen -q -t $kind -N '' -C comment -f key.$kind; echo "$kind status $?"
	ssh-keygen -l -f key.$kind.pub | awk '{ print $1, $3, $4 }'
	ssh-keygen -y -f key.$kind | cut -d' ' -f1-2 | cmp - <(cut -d' ' -f1-2 key.$kind.pub) && echo same
done
ssh-keygen -q -p -P '' -N secret1 -f key.rsa; echo "passphrase status $?"
ssh-keygen -y -P wrong0 -f key.rsa >/dev/null 2>&1; echo "wrong status $?"
echo message >m
ssh-keygen -Y sign -n file -f key.ed25519 m 2>/dev/null; echo "sign status $?"
echo "me $(cut -d' ' -f1-2 key.ed25519.pub)" >allowed
ssh-keygen -Y verify -n file -I me -f allowed -s m.sig <m | sed 's/SHA256.*//'
ssh-keygen -q -s key.ecdsa -I id -n user key.ed25519.pub; ssh-keygen -L -f key.ed25519-cert.pub | grep -c Principals
