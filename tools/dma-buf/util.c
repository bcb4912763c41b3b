// SPDX-License-Identifier: GPL-2.0
/* Memory, files and text. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dmabuf-show.h"

static void *enough(void *memory)
{
	if (memory)
		return memory;
	fprintf(stderr, "dmabuf-show: out of memory\n");
	exit(1);
}

/* ARRAY of NR elements with room for one more, which is all zero. */
void *grow(void *array, size_t nr, size_t size)
{
	/* It is full when its length is a power of two. */
	if (!(nr & (nr - 1)))
		array = enough(reallocarray(array, nr ? 2 * nr : 1, size));
	memset((char *)array + nr * size, 0, size);
	return array;
}

char *copy(const char *text, size_t len)
{
	return enough(strndup(text, len));
}

char *path_of(const char *format, ...)
{
	va_list args;
	char *path;
	int len;

	va_start(args, format);
	len = vasprintf(&path, format, args);
	va_end(args);
	return enough(len < 0 ? NULL : path);
}

/* A whole file of /proc or debugfs, or NULL and errno. */
char *read_file(const char *path)
{
	size_t len = 0, size = 4096;
	char *text = enough(malloc(size));
	int fd, error;
	ssize_t n;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		free(text);
		return NULL;
	}
	while ((n = read(fd, text + len, size - len - 1)) > 0) {
		len += n;
		if (size - len < 2048) {
			size *= 2;
			text = enough(realloc(text, size));
		}
	}
	error = errno;
	close(fd);
	if (n < 0) {
		free(text);
		errno = error;
		return NULL;
	}
	text[len] = 0;
	return text;
}

static bool is_plain(unsigned char c)
{
	return c >= ' ' && c < 0x7f;
}

/*
 * Users choose the names of buffers and processes. Bytes that could control a terminal
 * or break a line are printed as numbers.
 */
void print_safe(FILE *out, const char *text)
{
	for (; *text; text++)
		if (is_plain(*text) && *text != '\\')
			putc(*text, out);
		else
			fprintf(out, "\\x%02x", (unsigned char)*text);
}

/* As a string of JSON, in which each byte is a character. */
void print_quoted(FILE *out, const char *text)
{
	if (!text) {
		fputs("null", out);
		return;
	}
	putc('"', out);
	for (; *text; text++)
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if (is_plain(*text))
			putc(*text, out);
		else
			fprintf(out, "\\u%04x", (unsigned char)*text);
	putc('"', out);
}

struct buffer *buffer_find(struct system *system, uint64_t ino)
{
	size_t i;

	for (i = 0; i < system->nr_buffers; i++)
		if (system->buffers[i].ino == ino)
			return &system->buffers[i];
	return NULL;
}

struct buffer *buffer_get(struct system *system, uint64_t ino)
{
	struct buffer *buffer = buffer_find(system, ino);

	if (buffer)
		return buffer;
	system->buffers = grow(system->buffers, system->nr_buffers,
			       sizeof(*system->buffers));
	buffer = &system->buffers[system->nr_buffers++];
	buffer->ino = ino;
	return buffer;
}

struct attachment *attachment_add(struct buffer *buffer)
{
	buffer->attachments = grow(buffer->attachments, buffer->nr_attachments,
				   sizeof(*buffer->attachments));
	return &buffer->attachments[buffer->nr_attachments++];
}
