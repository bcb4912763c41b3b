// SPDX-License-Identifier: GPL-2.0
/*
 * Reads /proc: which process has which buffer, by descriptors and mappings, and the
 * fdinfo of a descriptor.
 *
 * As in bufinfo, a buffer's name can contain line ends. The kernel prints the name
 * after all values that have single lines, and the attachments after the name.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dmabuf-show.h"

#define PREFIX	"/dmabuf:"
/* The kernel prints this many attachments at most. */
#define MAX_LINES 32

/* The value in the first line KEY of TEXT, or NULL. */
static const char *value(const char *text, const char *key)
{
	size_t len = strlen(key);

	while (text && *text) {
		if (!strncmp(text, key, len) && text[len] == ':')
			return text + len + 1 + strspn(text + len + 1, " \t");
		text = strchr(text, '\n');
		text += !!text;
	}
	return NULL;
}

/* The line before the one at AT, not before TEXT. */
static const char *line_before(const char *text, const char *at)
{
	if (at == text)
		return NULL;
	for (at--; at > text && at[-1] != '\n'; at--)
		;
	return at;
}

/*
 * The last lines: "attachment:\tTYPE WHERE CHOICE", and then the number of attachments,
 * which is larger if some lines are left out. NULL: the kernel does not print them.
 */
static const char *parse_served(const char *text, struct attachment *served, size_t *nr,
				unsigned long *attached)
{
	const char *at = line_before(text, text + strlen(text));
	char type[64], memory[16], choice[16];
	size_t i;

	if (!at || sscanf(at, "attachments:\t%lu", attached) != 1)
		return NULL;
	*nr = *attached < MAX_LINES ? *attached : MAX_LINES;
	for (i = *nr; i-- > 0; ) {
		at = line_before(text, at);
		if (!at || sscanf(at, "attachment:\t%63s %15s %15s", type, memory, choice) != 3)
			return NULL;
		served[i] = (struct attachment) {
			.type = copy(type, sizeof(type)),
			.memory = strcmp(memory, "-") ? copy(memory, sizeof(memory)) : NULL,
			.choice = copy(choice, sizeof(choice)),
		};
	}
	return at;
}

/*
 * Complete the attachments of bufinfo. If the two do not agree, something has attached
 * or detached in between, and unknown values stay unknown.
 */
static void merge_served(struct buffer *buffer, struct attachment *served, size_t nr)
{
	struct attachment *a = buffer->attachments;
	size_t i;

	for (i = 0; i < nr && buffer->nr_attachments; i++)
		if (i == buffer->nr_attachments || !a[i].type ||
		    strcmp(a[i].type, served[i].type))
			return;
	for (i = 0; i < nr; i++) {
		if (i == buffer->nr_attachments)
			*attachment_add(buffer) = served[i];
		buffer->attachments[i].memory = served[i].memory;
		buffer->attachments[i].choice = served[i].choice;
	}
}

static void parse_fdinfo(struct system *system, struct buffer *buffer, const char *text)
{
	const char *size = value(text, "size");
	const char *count = value(text, "count");
	const char *exporter = value(text, "exp_name"), *name = value(text, "name"), *end;
	struct attachment served[MAX_LINES];
	unsigned long attached = 0;
	size_t nr = 0;

	buffer->has_fdinfo = true;
	buffer->size = size ? strtoull(size, NULL, 10) : 0;
	buffer->references = count ? strtol(count, NULL, 10) : 0;
	end = parse_served(text, served, &nr, &attached);
	if (end) {
		system->mapping_types = true;
		buffer->negotiated = true;
	} else {
		end = text + strlen(text);
	}
	if (name)
		buffer->name = copy(name, end - name - (end[-1] == '\n'));

	/* After everything that is used of the text */
	if (!buffer->exporter)
		buffer->exporter = copy(exporter, strcspn(exporter, "\n"));
	if (buffer->negotiated) {
		if (attached > buffer->attached)
			buffer->attached = attached;
		merge_served(buffer, served, nr);
	}
}

static struct holder *holder_of(struct buffer *buffer, pid_t pid, const char *comm)
{
	struct holder *last;

	if (buffer->nr_holders && buffer->holders[buffer->nr_holders - 1].pid == pid)
		return &buffer->holders[buffer->nr_holders - 1];
	buffer->holders = grow(buffer->holders, buffer->nr_holders, sizeof(*last));
	last = &buffer->holders[buffer->nr_holders++];
	last->pid = pid;
	last->comm = copy(comm, strlen(comm));
	return last;
}

static void read_fd(struct system *system, const char *process, pid_t pid,
		    const char *comm, int fd)
{
	char *path = path_of("%s/fdinfo/%d", process, fd), *text = read_file(path);
	const char *ino = text ? value(text, "ino") : NULL;
	struct buffer *buffer;
	struct holder *holder;

	/* The file may have the same name as a file of another kind. */
	if (ino && value(text, "exp_name")) {
		buffer = buffer_get(system, strtoull(ino, NULL, 10));
		if (!buffer->has_fdinfo)
			parse_fdinfo(system, buffer, text);
		holder = holder_of(buffer, pid, comm);
		holder->fds = grow(holder->fds, holder->nr_fds, sizeof(*holder->fds));
		holder->fds[holder->nr_fds++] = fd;
	}
	free(text);
	free(path);
}

static bool is_dmabuf(const char *process, int fd)
{
	char *path = path_of("%s/fd/%d", process, fd), target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target));

	free(path);
	return len >= (ssize_t)strlen(PREFIX) && !memcmp(target, PREFIX, strlen(PREFIX));
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The names in directory PATH that are numbers, in order; false: it cannot be read. */
static bool numbers(const char *path, int **found, size_t *nr)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char *end;
	long number;

	*found = NULL;
	*nr = 0;
	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		number = strtol(entry->d_name, &end, 10);
		if (*end || end == entry->d_name || number < 0 || number > INT_MAX)
			continue;
		*found = grow(*found, *nr, sizeof(**found));
		(*found)[(*nr)++] = number;
	}
	closedir(dir);
	if (*nr)
		qsort(*found, *nr, sizeof(**found), by_number);
	return true;
}

/* Mappings outlive descriptors. An exporter can put a file of its own under them. */
static void read_maps(struct system *system, const char *process, pid_t pid, const char *comm)
{
	char *path = path_of("%s/maps", process), *text = read_file(path), *line, *next;
	unsigned long long ino;
	struct buffer *buffer;
	int at;

	for (line = text; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		at = 0;
		if (sscanf(line, "%*x-%*x %*s %*x 00:%*x %llu %n", &ino, &at) != 1 || !at ||
		    strncmp(line + at, PREFIX, strlen(PREFIX)))
			continue;
		buffer = system->bufinfo_error ? buffer_get(system, ino) :
						 buffer_find(system, ino);
		if (buffer)
			holder_of(buffer, pid, comm)->nr_mappings++;
	}
	free(text);
	free(path);
}

static void read_process(struct system *system, const char *proc, pid_t pid)
{
	char *process = path_of("%s/%d", proc, pid), *fds = path_of("%s/fd", process);
	char *comm_path = path_of("%s/comm", process), *comm = read_file(comm_path);
	size_t nr, i;
	int *found;

	if (comm) {		/* NULL: the process has ended */
		comm[strcspn(comm, "\n")] = 0;
		if (!numbers(fds, &found, &nr) && errno == EACCES)
			system->closed++;
		for (i = 0; i < nr; i++)
			if (is_dmabuf(process, found[i]))
				read_fd(system, process, pid, comm, found[i]);
		free(found);
		read_maps(system, process, pid, comm);
	}
	free(comm);
	free(comm_path);
	free(fds);
	free(process);
}

/* Leave only what PID holds. */
static void keep_only(struct system *system, pid_t pid)
{
	size_t from, to = 0, i;

	for (from = 0; from < system->nr_buffers; from++)
		for (i = 0; i < system->buffers[from].nr_holders; i++)
			if (system->buffers[from].holders[i].pid == pid) {
				system->buffers[to++] = system->buffers[from];
				break;
			}
	system->nr_buffers = to;
}

bool proc_read(struct system *system, const char *proc, pid_t pid)
{
	bool found = !pid;
	size_t nr, i;
	int *pids;

	if (!numbers(proc, &pids, &nr)) {
		fprintf(stderr, "dmabuf-show: %s: %s\n", proc, strerror(errno));
		return false;
	}
	for (i = 0; i < nr; i++) {
		read_process(system, proc, pids[i]);
		found |= pids[i] == pid;
	}
	free(pids);
	if (pid)
		keep_only(system, pid);
	if (!found)
		fprintf(stderr, "dmabuf-show: there is no process %d\n", pid);
	return found;
}
