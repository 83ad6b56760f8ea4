/*
 * analyzer/report_tree_json.c: the process tree as JSON: "tree", an array of processes, parents before their children.
 *
 *	id, parent      numbers of this document's, which pids are not: parent null for a root
 *	pid             null: a command of popen or system that was not observed
 *	parent_pid      also where the parent was not recorded; null: not known
 *	exe, command    of the last program
 *	host, trace
 *	start           how (fork, vfork, clone, posix_spawn, popen, system, daemon, forkpty), call, time_ns, shell (the command)
 *	not_observed    why; null: it was
 *	programs        exe, command, forked (a fork's, before its first exec), shared (descriptors that came by fork), began_ns, ended_ns,
 *	                exec (what it ran in the end), exec_not_observed (why), inherited: what it found open
 *	  inherited     fd, object, asked (standard, named, placed, second, not; null: not known), use (used, passed-on, closed,
 *	                not-seen, never), doubt (why silence is no proof)
 *	ending          how (exit, signal; null: not known), status, signal, core, time_ns; said: the status it exits with in its own words;
 *	                reaped: the wait status its parent was told. Both, since neither replaces the other
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include "analyzer/json.h"
#include "analyzer/report_tree.h"

static json_t *time_of(uint64_t t) { return t ? json_number(t) : json_null(); }

const char *use_word(enum use u)
{
	static const char *const words[] = { [USE_ITSELF] = "used", [USE_BELOW] = "passed-on", [USE_CLOSED] = "closed",
		[USE_UNSEEN] = "not-seen", [USE_NEVER] = "never" };

	return words[u];
}

const char *asked_word(uint8_t asked)
{
	static const char *const words[] = { [ASKED_UNKNOWN] = NULL, [ASKED_STANDARD] = "standard", [ASKED_NAMED] = "named",
		[ASKED_PLACED] = "placed", [ASKED_SECOND] = "second", [ASKED_NOT] = "not" };

	return words[asked];
}

static json_t *inherited(const struct gift *g)
{
	json_t *a = json_array(), *o;

	for (; g; g = g->next) {
		enum use u = gift_use(g);

		json_add(a, o = json_object());
		json_set(o, "fd", json_integer(g->fd));
		json_set(o, "object", json_text(g->object));
		json_set(o, "asked", json_text(asked_word(g->asked)));
		json_set(o, "use", json_text(use_word(u)));
		json_set(o, "doubt", json_text(u == USE_UNSEEN ? g->doubt : NULL));
	}
	return a;
}

static json_t *programs(const struct program *p)
{
	json_t *a = json_array(), *o;

	for (; p; p = p->next) {
		if (!p->heard && !p->unseen)
			continue;
		json_add(a, o = json_object());
		json_set(o, "exe", json_text(p->exe));
		json_set(o, "command", json_text(p->arguments));
		json_set(o, "forked", json_boolean(p->forked));
		json_set(o, "shared", json_number(p->shared));
		json_set(o, "began_ns", time_of(p->began));
		json_set(o, "ended_ns", time_of(p->ended));
		json_set(o, "exec", json_text(p->exec));
		json_set(o, "exec_not_observed", json_text(p->unseen));
		json_set(o, "inherited", inherited(p->gifts));
	}
	return a;
}

static json_t *start(const struct node *n)
{
	json_t *o = json_object();

	json_set(o, "how", json_text(start_word(n)));
	json_set(o, "call", json_text(n->call && strcmp(n->call, "none") ? n->call : NULL));
	json_set(o, "time_ns", time_of(n->born));
	json_set(o, "shell", json_text(n->command));
	return o;
}

static json_t *signal_name(int number)
{
	char name[32];

	if (sigabbrev_np(number))
		snprintf(name, sizeof name, "SIG%s", sigabbrev_np(number));
	else
		snprintf(name, sizeof name, "%d", number);
	return json_text(name);
}

static json_t *ending(const struct node *n)
{
	json_t *o = json_object();
	int number;
	const char *how = end_word(n, &number);
	int killed = how && *how == 's';

	json_set(o, "how", json_text(how));
	json_set(o, "status", how && !killed && number >= 0 ? json_integer(number) : json_null());
	json_set(o, "signal", killed ? signal_name(number) : json_null());
	json_set(o, "core", json_boolean(killed && WCOREDUMP(n->reaped)));
	json_set(o, "time_ns", time_of(n->ended));
	json_set(o, "said", n->exits && n->said >= 0 ? json_integer(n->said) : json_null());
	json_set(o, "reaped", n->reaped >= 0 ? json_integer(n->reaped) : json_null());
	return o;
}

static json_t *process(const struct node *n)
{
	const struct process *p = n->process;
	json_t *o = json_object();

	json_set(o, "id", json_number(n->id));
	json_set(o, "parent", n->parent ? json_number(n->parent->id) : json_null());
	json_set(o, "pid", n->pid ? json_number(n->pid) : json_null());
	json_set(o, "parent_pid", n->parent_who ? json_number(fdw_pid_shown(n->parent_who)) : json_null());
	json_set(o, "exe", json_text(p && p->threads ? p->exe : n->exe));
	json_set(o, "command", json_text(p && p->threads ? p->arguments : NULL));
	json_set(o, "host", json_text(n->source->host));
	json_set(o, "trace", json_text(n->source->trace));
	json_set(o, "start", start(n));
	json_set(o, "not_observed", json_text(n->unseen));
	json_set(o, "programs", programs(n->programs));
	json_set(o, "ending", ending(n));
	return o;
}

json_t *tree_json(const struct report *r)
{
	json_t *a = json_array();
	unsigned depth = 0;

	for (const struct node *n = r->tree->roots; n; n = node_after(n, &depth))
		json_add(a, process(n));
	return a;
}
