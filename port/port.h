/*
 * port.h: event ports for Linux: link with -lport. port_create(3) says what each function answers and where Linux differs.
 *
 * Units: timeouts are relative, NULL waits for ever, zero does not wait. Ownership: the library keeps no pointer of the caller's but the
 * user values, which it hands back, and a file_obj_t's address, which is the object's name.
 *
 *   function                          | any thread | signal handler | waits                          | cancellation point
 *   port_create                       |    yes     |      no        | no                             | no
 *   port_associate, port_dissociate   |    yes     |      no        | no                             | no
 *   port_get, port_getn               |    yes     |      no        | yes                            | yes
 *   port_send, port_sendn             |    yes     |      yes       | no                             | no
 *   port_alert                        |    yes     |      no        | no                             | no
 *
 * All of them may be called in a fork child, on ports made by the parent too. None may be called in a vfork child.
 */
#ifndef PORT_H
#define PORT_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* illumos' sys/types.h has it, and programs for ports use it. */
typedef unsigned int uint_t;

/* Who made an event: portev_source. Nothing on Linux makes AIO and MQ events. */
#define PORT_SOURCE_AIO   1
#define PORT_SOURCE_TIMER 2
#define PORT_SOURCE_USER  3
#define PORT_SOURCE_FD    4
#define PORT_SOURCE_ALERT 5
#define PORT_SOURCE_MQ    6
#define PORT_SOURCE_FILE  7

typedef struct port_event {
	int portev_events;            /* FD: poll(2) bits; TIMER: expirations; FILE: FILE_*; USER, ALERT: what the sender said */
	unsigned short portev_source;
	unsigned short portev_pad;
	uintptr_t portev_object;      /* FD: the descriptor; TIMER: the timer_t; FILE: the file_obj_t; otherwise 0 */
	void *portev_user;
} port_event_t;

/* What sigev_value.sival_ptr of a sigevent with SIGEV_PORT points to. */
typedef struct port_notify {
	int portnfy_port;
	void *portnfy_user;
} port_notify_t;

/* illumos has 4, which is SIGEV_THREAD_ID here. */
#define SIGEV_PORT 0x5054

/* The object of PORT_SOURCE_FILE. Times that are all zero are not compared. */
typedef struct file_obj {
	struct timespec fo_atime;
	struct timespec fo_mtime;
	struct timespec fo_ctime;
	uintptr_t fo_pad[3];
	char *fo_name;
} file_obj_t;

/* FILE events that can be asked for ... */
#define FILE_ACCESS   0x00000001
#define FILE_MODIFIED 0x00000002
#define FILE_ATTRIB   0x00000004
#define FILE_TRUNC    0x00100000
#define FILE_NOFOLLOW 0x10000000 /* no event: watch a symbolic link itself */
/* ... and those that come unasked, and end the association. */
#define FILE_DELETE      0x00000010
#define FILE_RENAME_TO   0x00000020
#define FILE_RENAME_FROM 0x00000040
#define UNMOUNTED        0x20000000
#define MOUNTEDOVER      0x40000000
#define FILE_EXCEPTION   (FILE_DELETE | FILE_RENAME_TO | FILE_RENAME_FROM | UNMOUNTED | MOUNTEDOVER)

/* For port_alert. */
#define PORT_ALERT_SET     0x01
#define PORT_ALERT_UPDATE  0x02
#define PORT_ALERT_INVALID (PORT_ALERT_SET | PORT_ALERT_UPDATE)

int port_create(void);
int port_associate(int port, int source, uintptr_t object, int events, void *user);
int port_dissociate(int port, int source, uintptr_t object);
int port_get(int port, port_event_t *event, struct timespec *timeout);
int port_getn(int port, port_event_t list[], unsigned int max, unsigned int *nget, struct timespec *timeout);
int port_send(int port, int events, void *user);
int port_sendn(int ports[], int errors[], unsigned int n, int events, void *user);
int port_alert(int port, int flags, int events, void *user);

#ifdef __cplusplus
}
#endif
#endif
