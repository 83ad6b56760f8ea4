# what: fakeroot: owners, devices, tar and cpio archives, dpkg-deb, a state that is saved and loaded, children
# time: 120
exec 2>&1
command -v fakeroot >/dev/null || skip "needs fakeroot"
umask 022
mkdir -p tree/bin; echo a >tree/a; cp /bin/true tree/bin/
fakeroot sh -c 'id -u; chown -R root:bin tree; chown 33:44 tree/a; mknod tree/null c 1 3; stat -c "%n %u %g %F %t,%T" tree tree/a tree/null; tar cf t.tar --sort=name --mtime=@0 tree; tar tvf t.tar | sed "s/ 1970.* / /"; find tree | sort | cpio -o --quiet | cpio -tv --quiet | awk "{ print \$1, \$3, \$4, \$NF }"'
echo "status $?"
fakeroot -s state sh -c 'touch kept; chown 5:6 kept; mkdir d; chmod 4755 d'; echo "saved $?"
fakeroot -i state sh -c 'stat -c "%u %g" kept; stat -c %a d; exit 3'; echo "loaded $?"
stat -c %U kept | grep -c root
mkdir -p p/DEBIAN p/usr/share/x; printf 'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: x\n' >p/DEBIAN/control; echo x >p/usr/share/x/x
fakeroot dpkg-deb -b p x.deb; echo "built $?"; dpkg-deb -c x.deb | awk '{ print $1, $2, $NF }'; dpkg-deb -f x.deb Package
fakeroot bash -c 'for i in $(seq 30); do (touch f$i; chown $i:$i f$i) & done; wait; for i in $(seq 30); do stat -c "%u:%g" f$i; done' | xargs
fakeroot python3 -c 'import os, subprocess; print(os.getuid()); os.mknod("blk", 0o60600, os.makedev(8, 1)); print(oct(os.stat("blk").st_mode), os.stat("blk").st_rdev); print(subprocess.check_output(["id", "-un"]))'
echo "status $?"
