// SPDX-License-Identifier: GPL-2.0
/* Prints the result as a table, as JSON, or as a graph for dot. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dmabuf-show.h"

#define COLUMNS 10

/* The cells of a table, row by row. */
struct table {
	char *(*rows)[COLUMNS];
	size_t nr;
};

static char **row_add(struct table *table)
{
	table->rows = grow(table->rows, table->nr, sizeof(*table->rows));
	return table->rows[table->nr++];
}

/* TEXT, or "-", as print_safe() prints it */
static char *safe(const char *text)
{
	char *result;
	size_t len;
	FILE *out = open_memstream(&result, &len);

	print_safe(out, text && *text ? text : "-");
	fclose(out);
	return result;
}

static char *size_words(uint64_t size)
{
	static const char unit[] = { 'G', 'M', 'K' };
	int i, shift;

	for (i = 0, shift = 30; i < 3; i++, shift -= 10)
		if (size >> shift && !(size & ((1ULL << shift) - 1)))
			return path_of("%llu%c", (unsigned long long)size >> shift, unit[i]);
	return path_of("%llu", (unsigned long long)size);
}

/* References that no descriptor and no mapping accounts for: drivers have them. */
static long others(const struct buffer *buffer)
{
	long rest = buffer->references;
	size_t i;

	for (i = 0; i < buffer->nr_holders; i++)
		rest -= buffer->holders[i].nr_fds + buffer->holders[i].nr_mappings;
	return rest > 0 ? rest : 0;
}

/* Holder number I of BUFFER in words, or NULL after the last. */
static char *holder_words(const struct buffer *buffer, size_t i)
{
	const struct holder *holder = &buffer->holders[i];
	char *result;
	size_t len, f;
	FILE *out;

	if (i > buffer->nr_holders || (i == buffer->nr_holders && !others(buffer)))
		return NULL;
	if (i == buffer->nr_holders)
		return path_of("others: %ld", others(buffer));

	out = open_memstream(&result, &len);
	print_safe(out, holder->comm);
	fprintf(out, "[%d]", holder->pid);
	for (f = 0; f < holder->nr_fds; f++)
		fprintf(out, "%s%d", f ? "," : " fd ", holder->fds[f]);
	if (holder->nr_mappings)
		fprintf(out, " mapped");
	if (holder->nr_mappings > 1)
		fprintf(out, " %zu times", holder->nr_mappings);
	fclose(out);
	return result;
}

static void fill_attachment(char **cells, const struct attachment *a)
{
	cells[4] = safe(a->type);
	cells[5] = safe(a->from);
	cells[6] = safe(a->importer);
	cells[7] = safe(a->memory);
	cells[8] = safe(a->choice);
}

/* A row for each attachment and each holder, side by side. */
static void add_rows(struct table *table, const struct buffer *buffer)
{
	char **cells, *holder;
	size_t i;

	for (i = 0; ; i++) {
		holder = holder_words(buffer, i);
		if (i && i >= buffer->nr_attachments && !holder)
			return;
		cells = row_add(table);
		cells[9] = holder;
		if (!i) {
			cells[0] = path_of("%llu", (unsigned long long)buffer->ino);
			cells[1] = buffer->exporter ? size_words(buffer->size) : safe(NULL);
			cells[2] = safe(buffer->exporter);
			cells[3] = safe(buffer->name);
		}
		if (i < buffer->nr_attachments)
			fill_attachment(cells, &buffer->attachments[i]);
	}
}

/* Numbers are aligned to the right of their columns, everything else to the left. */
static void print_rows(const struct table *table)
{
	size_t width[COLUMNS] = {}, len, row, i, last;
	const char *cell;

	for (row = 0; row < table->nr; row++)
		for (i = 0; i < COLUMNS; i++) {
			len = table->rows[row][i] ? strlen(table->rows[row][i]) : 0;
			if (len > width[i])
				width[i] = len;
		}

	for (row = 0; row < table->nr; row++) {
		for (last = COLUMNS - 1; last && !table->rows[row][last]; last--)
			;
		for (i = 0; i <= last; i++) {
			cell = table->rows[row][i] ?: "";
			if (i < 2)
				printf("%*s  ", (int)width[i], cell);
			else if (i < last)
				printf("%-*s  ", (int)width[i], cell);
			else
				printf("%s\n", cell);
		}
	}
}

static int by_ino(const void *a, const void *b)
{
	const struct buffer *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void sort(const struct system *system)
{
	if (system->nr_buffers)
		qsort(system->buffers, system->nr_buffers, sizeof(*system->buffers), by_ino);
}

void print_table(const struct system *system)
{
	static const char * const heading[COLUMNS] = {
		"INO", "SIZE", "EXPORTER", "NAME", "TYPE", "FROM", "IMPORTER", "MEMORY",
		"CHOICE", "HELD BY",
	};
	const struct buffer *buffer;
	struct table table = {};
	size_t i;

	sort(system);
	memcpy(row_add(&table), heading, sizeof(heading));
	for (i = 0; i < system->nr_buffers; i++)
		add_rows(&table, &system->buffers[i]);
	print_rows(&table);

	for (i = 0; i < system->nr_buffers; i++) {
		buffer = &system->buffers[i];
		if (buffer->attached > buffer->nr_attachments)
			printf("%llu has %lu attachments more\n",
			       (unsigned long long)buffer->ino,
			       buffer->attached - buffer->nr_attachments);
	}
}

/* Say why there may be more than is shown; one line for each reason. */
static void missing(const struct system *system, void (*say)(const char *words))
{
	bool told = system->mapping_types;
	size_t i;

	if (system->bufinfo_error)
		say(path_of("%s: %s: only buffers that a process has open or mapped are shown, %s",
			    system->bufinfo, strerror(system->bufinfo_error),
			    "and no devices that import them"));
	if (system->closed)
		say(path_of("%u processes may not be looked into: what they hold is not shown",
			    system->closed));
	for (i = 0; i < system->nr_buffers && !told; i++)
		if (system->buffers[i].nr_attachments || system->buffers[i].has_fdinfo) {
			say(path_of("this kernel does not tell the types of attachments: %s",
				    "it does not negotiate mapping types"));
			return;
		}
}

static void say_line(const char *words)
{
	fprintf(stderr, "dmabuf-show: %s\n", words);
}

void print_missing(const struct system *system)
{
	missing(system, say_line);
}

static void member(const char *name, const char *value, const char *end)
{
	printf("\"%s\": ", name);
	print_quoted(stdout, value);
	fputs(end, stdout);
}

static void json_holders(const struct buffer *buffer)
{
	size_t i, f;

	printf("   \"holders\": [");
	for (i = 0; i < buffer->nr_holders; i++) {
		const struct holder *holder = &buffer->holders[i];

		printf("%s\n    {\"pid\": %d, ", i ? "," : "", holder->pid);
		member("comm", holder->comm, ", \"fds\": [");
		for (f = 0; f < holder->nr_fds; f++)
			printf("%s%d", f ? ", " : "", holder->fds[f]);
		printf("], \"mappings\": %zu}", holder->nr_mappings);
	}
	printf("],\n");
}

static void json_attachments(const struct buffer *buffer)
{
	size_t i;

	printf("   \"attached\": %lu, \"attachments\": [", buffer->attached);
	for (i = 0; i < buffer->nr_attachments; i++) {
		const struct attachment *a = &buffer->attachments[i];

		printf("%s\n    {", i ? "," : "");
		member("type", a->type, ", ");
		member("from", a->from, ", ");
		member("importer", a->importer, ", ");
		member("memory", a->memory, ", ");
		member("choice", a->choice, "}");
	}
	printf("]");
}

static void json_missing(const char *words)
{
	static bool next;

	printf("%s\n  ", next ? "," : "");
	print_quoted(stdout, words);
	next = true;
}

void print_json(const struct system *system)
{
	size_t i;

	sort(system);
	printf("{\"buffers\": [");
	for (i = 0; i < system->nr_buffers; i++) {
		const struct buffer *buffer = &system->buffers[i];

		printf("%s\n  {\"ino\": %llu, ", i ? "," : "", (unsigned long long)buffer->ino);
		if (buffer->exporter)
			printf("\"size\": %llu, \"references\": %ld, ",
			       (unsigned long long)buffer->size, buffer->references);
		else
			printf("\"size\": null, \"references\": null, ");
		member("exporter", buffer->exporter, ", ");
		member("name", buffer->name, ",\n");
		json_holders(buffer);
		json_attachments(buffer);
		printf("}");
	}
	printf("],\n \"missing\": [");
	missing(system, json_missing);
	printf("]}\n");
}

/* TEXT as a part of a quoted string of dot */
static void dot_text(const char *text)
{
	for (; text && *text; text++)
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else
			print_safe(stdout, (char []) { *text, 0 });
}

static void dot_attachments(const struct buffer *buffer)
{
	unsigned long long ino = buffer->ino;
	size_t i;

	for (i = 0; i < buffer->nr_attachments; i++) {
		const struct attachment *a = &buffer->attachments[i];

		/* Devices are shared; for another importer only its type is known. */
		if (a->importer) {
			printf("\t\"b%llu\" -> \"device ", ino);
			dot_text(a->importer);
		} else {
			printf("\t\"b%llu.%zu\" [label=\"?\", shape=diamond];\n", ino, i);
			printf("\t\"b%llu\" -> \"b%llu.%zu", ino, ino, i);
		}
		printf("\" [label=\"");
		dot_text(a->type);
		printf("%s", a->memory && !strcmp(a->memory, "p2p") ? " P2P" : "");
		printf("\"%s];\n", a->choice && !strcmp(a->choice, "default") ?
		       ", style=dashed" : "");
	}
}

static void dot_buffer(const struct buffer *buffer)
{
	unsigned long long ino = buffer->ino;
	char *size = size_words(buffer->size);
	size_t i;

	printf("\t\"b%llu\" [label=\"", ino);
	dot_text(buffer->name ?: "buffer");
	printf(" %llu\\n%s\"];\n\t\"exporter ", ino, buffer->exporter ? size : "");
	dot_text(buffer->exporter ?: "?");
	printf("\" -> \"b%llu\";\n", ino);
	for (i = 0; i < buffer->nr_holders; i++) {
		printf("\t\"p%d\" [label=\"", buffer->holders[i].pid);
		dot_text(buffer->holders[i].comm);
		printf("[%d]\", shape=box];\n", buffer->holders[i].pid);
		printf("\t\"p%d\" -> \"b%llu\" [arrowhead=none];\n", buffer->holders[i].pid, ino);
	}
	dot_attachments(buffer);
	free(size);
}

void print_dot(const struct system *system)
{
	size_t i;

	sort(system);
	printf("digraph dmabuf {\n\trankdir=LR;\n");
	for (i = 0; i < system->nr_buffers; i++)
		dot_buffer(&system->buffers[i]);
	printf("}\n");
}
