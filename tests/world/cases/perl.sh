# what: perl: dup, pipes, fork, socketpair, select, directory handles, open to and from commands
# time: 30
# quick: no
# numbers: it prints them
cat >t.pl <<'END'
use strict; use warnings; use Socket; use IO::Handle; use IO::Select; use Fcntl; use POSIX ();
STDOUT->autoflush(1);
open(my $save, ">&", \*STDOUT) or die; open(STDOUT, ">", "out.txt") or die; print "into file\n"; system("echo child"); close STDOUT;
open(STDOUT, ">&", $save) or die; close $save; open(my $in, "<", "out.txt") or die; print <$in>; print "eof ", eof($in) ? 1 : 0, "\n"; close $in;
pipe(my $r, my $w) or die; my $pid = fork(); if (!$pid) { close $r; print $w "from child\n"; close $w; POSIX::_exit(3); }
close $w; print <$r>; close $r; waitpid($pid, 0); print "status ", $? >> 8, "\n";
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die; $a->autoflush(1); print $a "hello\n"; my $s = IO::Select->new($b);
print "ready ", scalar($s->can_read(1)), "\n" =~ s/GLOB.*//r; print scalar <$b>; close $a; close $b;
opendir(my $d, "/proc/self/fd") or die; my @n = grep { /^\d+$/ && $_ < 256 } readdir $d; closedir $d; print "open: ", scalar(@n), "\n";
open(my $c, "-|", "seq 5") or die; my @l = <$c>; close $c; print "lines ", scalar(@l), " status $?\n";
open($c, "|-", "sort -r") or die; print $c "$_\n" for 1 .. 3; close $c; print "status $?\n";
print `echo backquote`; system("false"); print "status ", $? >> 8, "\n";
open(my $t, "+>", undef) or die; print $t "temp"; seek $t, 0, 0; print <$t>, "\n"; close $t;
my $f = POSIX::open("out.txt", O_RDONLY); print "number $f\n"; my $g = POSIX::dup2($f, 20); print "dup2 $g\n"; POSIX::close($f); POSIX::close(20);
my @k; for (1 .. 50) { my $p = fork(); if (!$p) { exec("true") or POSIX::_exit(9) } push @k, $p } waitpid($_, 0) for @k; print "forty-two $?\n";
fcntl(STDIN, F_GETFD, 0) and print "stdin open\n"; $SIG{ALRM} = sub { print "alarm\n" }; alarm 1; select undef, undef, undef, 3; print "end\n";
END
perl t.pl 2>&1 | sed 's/IO::Handle.*//; s/GLOB(0x[0-9a-f]*)/GLOB/'
echo "status ${PIPESTATUS[0]}"
