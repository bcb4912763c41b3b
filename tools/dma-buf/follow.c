// SPDX-License-Identifier: GPL-2.0
/*
 * Negotiations as they happen, from the tracepoints of dma-buf.
 *
 * The tracing instance is our own, so that it does not interfere with other users of
 * tracing. It does not record the names of tasks: for that the kernel would hook into
 * the scheduler, and /proc has the names as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dmabuf-show.h"

#define MATCH	": dma_buf_mapping_match: exp_name="
#define SELECT	": dma_buf_mapping_select: exp_name="
#define EVENTS	"events/dma_buf"

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

/* One line of the trace: all members point into it. */
struct event {
	char *time;
	int tid;
	char *exporter;
	uint64_t ino;
	bool is_select;
	/* a pair */
	char *offered, *asked, *reason;
	int result;
	/* a selection */
	int selected;
	unsigned int of;
	char *type;
};

/*
 * The text between KEY and END; LINE continues after END. A type can have any words
 * between its quotes, so END is the whole text before the next value.
 */
static char *cut(char **line, const char *key, const char *end)
{
	char *value, *behind;

	if (!*line || strncmp(*line, key, strlen(key))) {
		*line = NULL;
		return NULL;
	}
	value = *line + strlen(key);
	behind = strstr(value, end);
	if (!behind) {
		*line = NULL;
		return NULL;
	}
	*behind = 0;
	*line = behind + strlen(end);
	return value;
}

/* "task-TID [CPU] flags TIME", where the task's name can have any of these. */
static bool parse_head(struct event *event, char *head)
{
	char *at = strrchr(head, ' '), *cpu = NULL, *tid;

	if (!at)
		return false;
	event->time = at + 1;
	while ((at = strstr(cpu ? cpu + 1 : head, " [")))
		cpu = at;
	if (!cpu)
		return false;
	*cpu = 0;
	tid = strrchr(head, '-');
	event->tid = tid ? atoi(tid + 1) : 0;
	return tid;
}

static bool parse_pair(struct event *event, char *line)
{
	char *ino, *result;

	event->exporter = cut(&line, "", " ino=");
	ino = cut(&line, "", " exporter=\"");
	event->offered = cut(&line, "", "\" importer=\"");
	event->asked = cut(&line, "", "\" result=");
	result = cut(&line, "", " reason=\"");
	event->reason = cut(&line, "", "\"");
	if (!line)
		return false;
	event->ino = strtoull(ino, NULL, 10);
	event->result = atoi(result);
	return true;
}

static bool parse_select(struct event *event, char *line)
{
	char *ino, *selected, *of;

	event->is_select = true;
	event->exporter = cut(&line, "", " ino=");
	ino = cut(&line, "", " selected=");
	selected = cut(&line, "", " of=");
	of = cut(&line, "", " type=");
	event->type = line;
	if (!line)
		return false;
	event->ino = strtoull(ino, NULL, 10);
	event->selected = atoi(selected);
	event->of = atoi(of);
	return true;
}

/* False if the line is none of our events. */
static bool parse_event(struct event *event, char *line)
{
	char *at = strstr(line, MATCH);

	memset(event, 0, sizeof(*event));
	if (at) {
		*at = 0;
		return parse_pair(event, at + strlen(MATCH)) && parse_head(event, line);
	}
	at = strstr(line, SELECT);
	if (!at)
		return false;
	*at = 0;
	return parse_select(event, at + strlen(SELECT)) && parse_head(event, line);
}

/* The name of a task, which may have ended by now. */
static char *comm_of(const struct follow *how, int tid)
{
	char *path = path_of("%s/%d/comm", how->proc, tid);
	char *comm = how->file ? NULL : read_file(path);

	free(path);
	if (comm)
		comm[strcspn(comm, "\n")] = 0;
	return comm ?: copy("?", 1);
}

static bool is_of(const struct follow *how, int tid)
{
	char *path;
	bool found;

	if (!how->pid || how->pid == tid)
		return true;
	path = path_of("%s/%d/task/%d", how->proc, how->pid, tid);
	found = !access(path, F_OK);
	free(path);
	return found;
}

static void json_event(const struct follow *how, const struct event *event)
{
	char *comm = comm_of(how, event->tid);

	printf("{\"time\": %s, \"tid\": %d, \"comm\": ", event->time, event->tid);
	print_quoted(stdout, comm);
	printf(", \"ino\": %llu, \"exporter\": ", (unsigned long long)event->ino);
	print_quoted(stdout, event->exporter);
	if (event->is_select) {
		printf(", \"selected\": %d, \"of\": %u, \"type\": ", event->selected, event->of);
		print_quoted(stdout, event->type);
	} else {
		printf(", \"offered\": ");
		print_quoted(stdout, event->offered);
		printf(", \"asked\": ");
		print_quoted(stdout, event->asked);
		printf(", \"result\": %d, \"reason\": ", event->result);
		print_quoted(stdout, event->reason);
	}
	printf("}\n");
	free(comm);
}

/*
 * A heading for the pairs of one attach. If a task attaches to the same buffer again,
 * the first pair of the new attach is the first pair of the last one.
 */
static void print_heading(const struct follow *how, const struct event *event)
{
	static struct {
		int tid;
		uint64_t ino;
		char *pair;
	} last;
	char *pair = event->is_select ? NULL : path_of("%s\n%s", event->offered, event->asked);
	char *comm;

	if (last.tid == event->tid && last.ino == event->ino &&
	    (!pair || (last.pair && strcmp(pair, last.pair)))) {
		free(pair);
		return;
	}
	free(last.pair);
	last.tid = event->tid;
	last.ino = event->ino;
	last.pair = pair;

	comm = comm_of(how, event->tid);
	printf("%s  buffer %llu of ", event->time, (unsigned long long)event->ino);
	print_safe(stdout, event->exporter);
	printf(", by ");
	print_safe(stdout, comm);
	printf("[%d]\n", event->tid);
	free(comm);
}

static void text_event(const struct follow *how, const struct event *event)
{
	print_heading(how, event);
	if (event->is_select && event->selected < 0)
		printf("    selected none of %u: %s\n", event->of, strerror(-event->selected));
	else if (event->is_select)
		printf("    selected %s, number %d of %u\n", event->type, event->selected + 1,
		       event->of);
	else
		printf("    %-3s  %-27s  %-23s  %s%s%s\n", event->result ? "no" : "yes",
		       event->offered, event->asked, event->reason,
		       event->result && event->result != -EOPNOTSUPP ? ": " : "",
		       event->result && event->result != -EOPNOTSUPP ?
		       strerror(-event->result) : "");
}

static void show_line(const struct follow *how, char *line)
{
	struct event event;

	if (strstr(line, " [LOST ") && !strstr(line, ": dma_buf_"))
		fprintf(stderr, "dmabuf-show: the trace was too fast: %s\n",
			line + strspn(line, " "));
	if (!parse_event(&event, line) || !is_of(how, event.tid))
		return;
	if (how->json)
		json_event(how, &event);
	else
		text_event(how, &event);
	fflush(stdout);
}

static int follow_file(const struct follow *how)
{
	FILE *file = strcmp(how->file, "-") ? fopen(how->file, "re") : stdin;
	char *line = NULL;
	size_t size = 0;

	if (!file) {
		fprintf(stderr, "dmabuf-show: %s: %s\n", how->file, strerror(errno));
		return 1;
	}
	while (getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = 0;
		show_line(how, line);
	}
	free(line);
	return 0;
}

static int write_file(const char *dir, const char *name, const char *text)
{
	char *path = path_of("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = -1;

	free(path);
	if (fd < 0)
		return -1;
	if (write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		rc = 0;
	close(fd);
	return rc;
}

/* Handle each line that has arrived, and keep the rest for the next time. */
static void pump(const struct follow *how, int pipe)
{
	static char pending[8192];
	static size_t len;
	char *line = pending, *end;
	ssize_t n;

	n = read(pipe, pending + len, sizeof(pending) - 1 - len);
	if (n <= 0)
		return;
	len += n;
	pending[len] = 0;
	while ((end = strchr(line, '\n'))) {
		*end = 0;
		show_line(how, line);
		line = end + 1;
	}
	len -= line - pending;
	memmove(pending, line, len);
	if (len == sizeof(pending) - 1)
		len = 0;	/* none of our events is as long */
}

/*
 * Unblock the signals during the wait only, so that a signal at any other time ends
 * the next wait. The reader of our output may go away, which is noticed without an
 * event as well.
 */
static int follow_pipe(const struct follow *how, int pipe, const sigset_t *open_mask)
{
	struct pollfd fds[] = {
		{ .fd = pipe, .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};

	while (!stop && !ferror(stdout)) {
		if (ppoll(fds, 2, NULL, open_mask) < 0 && errno != EINTR)
			return 1;
		if (fds[1].revents & (POLLERR | POLLNVAL))
			return 0;
		pump(how, pipe);
	}
	return 0;
}

static int open_instance(const char *instance)
{
	char *path;
	int pipe;

	/* A kernel without such an option has nothing to turn off. */
	write_file(instance, "trace_options", "norecord-cmd");
	write_file(instance, "buffer_size_kb", "256");
	/* Wake us for each event, not only when the buffer is half full. */
	write_file(instance, "buffer_percent", "0");
	if (write_file(instance, EVENTS "/dma_buf_mapping_match/enable", "1")) {
		fprintf(stderr, "dmabuf-show: this kernel has no event dma_buf_mapping_match: %s",
			"it does not negotiate mapping types\n");
		return -1;
	}
	write_file(instance, EVENTS "/dma_buf_mapping_select/enable", "1");
	path = path_of("%s/trace_pipe", instance);
	pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (pipe < 0)
		fprintf(stderr, "dmabuf-show: %s: %s\n", path, strerror(errno));
	free(path);
	return pipe;
}

static void catch_signals(sigset_t *open_mask)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t mask;
	size_t i;

	sigemptyset(&mask);
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaddset(&mask, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &mask, open_mask);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigdelset(open_mask, signals[i]);
}

static int follow_live(const struct follow *how)
{
	char *instance = path_of("%s/instances/dmabuf-show.%d", how->tracefs, getpid());
	sigset_t open_mask;
	int pipe, rc = 1;

	catch_signals(&open_mask);
	if (mkdir(instance, 0700)) {
		fprintf(stderr, "dmabuf-show: %s: %s\n", instance, strerror(errno));
		return 1;
	}
	pipe = open_instance(instance);
	if (pipe >= 0) {
		fprintf(stderr, "dmabuf-show: waiting for negotiations\n");
		rc = follow_pipe(how, pipe, &open_mask);
		close(pipe);
	}
	write_file(instance, "events/enable", "0");
	if (rmdir(instance)) {
		fprintf(stderr, "dmabuf-show: %s stays: %s\n", instance, strerror(errno));
		rc = 1;
	}
	return rc;
}

int follow(const struct follow *how)
{
	return how->file ? follow_file(how) : follow_live(how);
}
