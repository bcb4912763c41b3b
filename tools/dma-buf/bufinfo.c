// SPDX-License-Identifier: GPL-2.0
/*
 * The list of all buffers, which debugfs has for root.
 *
 * A user gives a buffer its name, of 31 bytes at most, which may contain line ends.
 * That is too short for a line that begins a buffer. Everything else that a name can
 * imitate comes before what it imitates, so the last such line counts.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dmabuf-show.h"

#define HEADING	"\tAttached Devices:\n"

/* The columns of a buffer's line, which tabs separate. */
enum { SIZE, FLAGS, MODE, COUNT, EXPORTER, INO, NAME, COLUMNS };

static bool is_number(const char *text, size_t len, int base)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (base == 10 ? !isdigit(text[i]) : !isxdigit(text[i]))
			return false;
	return len >= 8;
}

/* The start of each column of the line at TEXT, if it begins a buffer. */
static bool split(const char *text, const char *column[COLUMNS + 1])
{
	static const int base[COLUMNS] = {
		[SIZE] = 10, [FLAGS] = 16, [MODE] = 16, [COUNT] = 10, [INO] = 10,
	};
	int i;

	for (i = 0; i < NAME; i++) {
		size_t len = strcspn(text, "\t\n");

		if (text[len] != '\t' || (base[i] && !is_number(text, len, base[i])))
			return false;
		column[i] = text;
		text += len + 1;
	}
	column[NAME] = text;
	return true;
}

static const char *next_line(const char *text)
{
	text += strcspn(text, "\n");
	return *text ? text + 1 : NULL;
}

/* The line of the next buffer at or after TEXT, or NULL. */
static const char *next_buffer(const char *text, const char *column[COLUMNS + 1])
{
	for (; text && *text; text = next_line(text))
		if (split(text, column))
			return text;
	return NULL;
}

/*
 * "TYPE: words (from TYPE)", or the name of a device from a kernel without
 * mapping types.
 */
static bool parse_attachment(struct attachment *a, const char *line, size_t len)
{
	static const char from[] = " (from ", p2p[] = " P2P";
	const char *colon = memchr(line, ':', len), *at;

	if (!isalpha(line[0]) || !colon || (colon + 1 < line + len && colon[1] != ' ')) {
		a->importer = copy(line, len);
		return false;
	}
	a->type = copy(line, colon - line);

	at = memmem(colon, len - (colon - line), from, strlen(from));
	if (at && line[len - 1] == ')') {
		a->from = copy(at + strlen(from), line + len - 1 - (at + strlen(from)));
		len = at - line;
	}
	if (!strcmp(a->type, "SGT")) {
		a->memory = "memory";
		if (len > strlen(p2p) && !memcmp(line + len - strlen(p2p), p2p, strlen(p2p))) {
			a->memory = "p2p";
			len -= strlen(p2p);
		}
	}
	if (colon + 2 < line + len)
		a->importer = copy(colon + 2, line + len - (colon + 2));
	return true;
}

/* The attachments in the text about one buffer, from TEXT to END. */
static void parse_attachments(struct system *system, struct buffer *buffer,
			      const char *text, const char *end)
{
	const char *at, *last = NULL;

	for (at = text; at && (!end || at < end); at = next_line(at))
		if (!strncmp(at, HEADING, strlen(HEADING)))
			last = at;
	if (!last)
		return;
	for (at = next_line(last); at && at[0] == '\t'; at = next_line(at)) {
		system->mapping_types |= parse_attachment(attachment_add(buffer), at + 1,
							  strcspn(at, "\n") - 1);
		buffer->attached++;
	}
}

void bufinfo_read(struct system *system, const char *debugfs)
{
	const char *column[COLUMNS + 1], *at, *next;
	struct buffer *buffer;
	char *text;

	system->bufinfo = path_of("%s/dma_buf/bufinfo", debugfs);
	text = read_file(system->bufinfo);
	if (!text) {
		system->bufinfo_error = errno;
		return;
	}

	for (at = next_buffer(text, column); at; at = next) {
		size_t len = strcspn(column[NAME], "\n");

		buffer = buffer_get(system, strtoull(column[INO], NULL, 10));
		buffer->size = strtoull(column[SIZE], NULL, 10);
		buffer->references = strtol(column[COUNT], NULL, 10);
		buffer->exporter = copy(column[EXPORTER], column[INO] - 1 - column[EXPORTER]);
		if (strncmp(column[NAME], "<none>\n", 7))
			buffer->name = copy(column[NAME], len);
		at = next_line(at);
		next = next_buffer(at, column);
		parse_attachments(system, buffer, at, next);
	}
	free(text);
}
