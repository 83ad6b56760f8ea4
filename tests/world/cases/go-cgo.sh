# what: Go with cgo, by go and by gccgo: goroutines that open and close in C and in Go, a server, children, signals in threads of C
# time: 200
# C handlers have SA_ONSTACK, as Go demands it.
cat >main.go <<'EOF'
package main

/*
#cgo LDFLAGS: -lpthread
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int ran;
static void handler(int sig) { __atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED); int fd = open("/dev/null", O_RDONLY); if (fd < 0 || close(fd)) abort(); }
static int install(void)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART }, was;
	sigaction(SIGUSR2, &act, NULL);
	sigaction(SIGUSR2, NULL, &was);
	return was.sa_flags & SA_ONSTACK && was.sa_handler == handler;
}
static int open_close(void) { int fd = open("/dev/null", O_RDONLY); return fd < 0 ? errno : close(fd) ? errno : 0; }
static void raise_here(void) { pthread_kill(pthread_self(), SIGUSR2); }
static int runs(void) { return ran; }
static void *thread(void *fds) { for (int i = 0; i < 100; i++) if (open_close()) abort(); raise_here(); return NULL; }
static int threads(void)
{
	pthread_t t[8];
	int i, n = 0;
	for (i = 0; i < 8; i++) n += !pthread_create(&t[i], NULL, thread, NULL);
	for (i = 0; i < 8; i++) pthread_join(t[i], NULL);
	return n;
}
*/
import "C"
import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
)

func main() {
	fmt.Println("installed", C.install() != 0)
	got := make(chan os.Signal, 100)
	signal.Notify(got, syscall.SIGUSR1)
	var all sync.WaitGroup
	failed := make(chan string, 10000)
	for g := 0; g < 50; g++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < 200; i++ {
				if e := C.open_close(); e != 0 { failed <- fmt.Sprint("C ", e) }
				f, e := os.Open("/dev/null")
				if e == nil { e = f.Close() }
				if e != nil { failed <- e.Error() }
				if i%50 == 0 { runtime.LockOSThread(); C.raise_here(); runtime.UnlockOSThread() }
			}
		}()
	}
	all.Wait()
	fmt.Println("threads", C.threads(), "handlers", C.runs(), "failed", len(failed))
	for len(failed) > 0 { fmt.Println(<-failed) }
	l, e := net.Listen("tcp", "127.0.0.1:0")
	if e != nil { panic(e) }
	go func() { for { c, e := l.Accept(); if e != nil { return }; go func() { io.Copy(c, c); c.Close() }() } }()
	sum := 0
	for i := 0; i < 200; i++ {
		c, e := net.Dial("tcp", l.Addr().String())
		if e != nil { panic(e) }
		fmt.Fprint(c, "hello")
		c.(*net.TCPConn).CloseWrite()
		b, _ := io.ReadAll(c)
		sum += len(b)
		c.Close()
	}
	l.Close()
	fmt.Println("echoed", sum)
	for i := 0; i < 10; i++ {
		out, e := exec.Command("/bin/sh", "-c", "echo child; exit 3").Output()
		fmt.Print(string(out), " ", e, "\n")
	}
	syscall.Kill(syscall.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-got)
}
EOF
cat >go.mod <<'EOF'
module world
go 1.18
EOF
export GOCACHE=$PWD/cache GOFLAGS=-mod=mod CGO_ENABLED=1 GOPROXY=off
go build -o by-go . && ./by-go; echo "status $?"
for i in $(seq 5); do GODEBUG=asyncpreemptoff=0 GOGC=5 ./by-go >out || echo failed; sed -n '$p' out; done
GCCGO=gccgo-12 go build -compiler gccgo -gccgoflags '-O1' -o by-gccgo . && ./by-gccgo; echo "status $?"
