/* libtls: a library that the loader must find room for in every thread's first memory (initial-exec), of which little is left after the start. */
static __thread char room[900] __attribute__((tls_model("initial-exec")));
static __thread int counted __attribute__((tls_model("initial-exec")));

int count(void)
{
	room[counted % (int)sizeof room]++;
	return ++counted;
}
