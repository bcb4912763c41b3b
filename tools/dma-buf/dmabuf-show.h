/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DMABUF_SHOW_H
#define DMABUF_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define __printf(text, args)	__attribute__((__format__(printf, text, args)))

/* How one importer is served. A string that the kernel does not provide is NULL. */
struct attachment {
	char *type;
	char *from;		/* the exporter's type, if a converter is between */
	char *importer;		/* its device, or the type's description */
	char *memory;		/* "p2p" or "memory" */
	char *choice;		/* "selected" or "default" */
};

/* A process that has a buffer open or mapped. */
struct holder {
	pid_t pid;
	char *comm;
	int *fds;
	size_t nr_fds;
	size_t nr_mappings;
};

struct buffer {
	uint64_t ino;
	uint64_t size;
	long references;
	char *exporter;		/* NULL: only a mapping of it is known */
	char *name;		/* NULL: it has none */
	bool has_fdinfo;
	bool negotiated;	/* fdinfo has how its attachments are served */
	unsigned long attached;
	struct attachment *attachments;
	size_t nr_attachments;
	struct holder *holders;
	size_t nr_holders;
};

/* All buffers, and what kept us from seeing more of them. */
struct system {
	struct buffer *buffers;
	size_t nr_buffers;
	char *bufinfo;		/* path of the list of all buffers */
	int bufinfo_error;
	unsigned int closed;	/* number of processes that we may not look into */
	bool mapping_types;	/* the kernel names the types of attachments */
};

/* util.c: memory that is not freed, because the program ends soon */
void *grow(void *array, size_t nr, size_t size);
char *copy(const char *text, size_t len);
char *read_file(const char *path);
__printf(1, 2) char *path_of(const char *format, ...);
void print_safe(FILE *out, const char *text);
void print_quoted(FILE *out, const char *text);

struct buffer *buffer_find(struct system *system, uint64_t ino);
struct buffer *buffer_get(struct system *system, uint64_t ino);
struct attachment *attachment_add(struct buffer *buffer);

/* bufinfo.c: reads debugfs */
void bufinfo_read(struct system *system, const char *debugfs);

/* proc.c: reads the files of processes. False: no process PID; 0 is all processes. */
bool proc_read(struct system *system, const char *proc, pid_t pid);

/* print.c */
void print_table(const struct system *system);
void print_json(const struct system *system);
void print_dot(const struct system *system);
void print_missing(const struct system *system);

/* follow.c: the exit status */
struct follow {
	const char *file;	/* a trace that was saved, or NULL */
	const char *tracefs;
	const char *proc;
	pid_t pid;		/* 0: of all processes */
	bool json;
};

int follow(const struct follow *how);

#endif
