// SPDX-License-Identifier: GPL-2.0
/*
 * A program as readable calls. {at, nr} are pages; nr 0 is all of them.
 */
#include <stdio.h>

#include "program.h"
#include "report.h"

static void print_ranges(const struct step *s)
{
	struct range ranges[RANGES_MAX];
	int i, nr = program_ranges(s->random, ranges);

	printf("slice[%d] = export(dev[%d], %s, {", s->slice, s->dev,
	       s->flags % 4 ? "O_RDWR" : "O_RDONLY");
	for (i = 0; i < nr; i++)
		printf("%s{%d, %d}", i ? ", " : "", ranges[i].first, ranges[i].nr);
	printf("})");
}

static const char *prot(const struct step *s)
{
	return s->flags % 4 ? "PROT_READ | PROT_WRITE" : "PROT_READ";
}

static const char *access(const struct step *s)
{
	return s->flags % 4 ? "READ | WRITE" : "READ";
}

static void print_slice(const struct step *s)
{
	switch (s->op) {
	case OP_EXPORT:
		print_ranges(s);
		break;
	case OP_CLOSE_SLICE:
		printf("close(slice[%d])", s->slice);
		break;
	case OP_REVOKE:
		printf("revoke(%s, slice[%d]%s)", s->flags & 0xf0 ? "its dev" : "dev", s->slice,
		       s->flags % 3 ? "" : ", NOWAIT");
		break;
	case OP_MMAP_SLICE:
		printf("proc %d: map[%d] = mmap(slice[%d], %d, %d, %s)", s->proc, s->map,
		       s->slice, s->at, s->nr, prot(s));
		break;
	case OP_MMAP_DEVICE:
		printf("map[%d] = mmap(dev[%d], %d, %d, %s)", s->map, s->dev, s->at, s->nr,
		       prot(s));
		break;
	default:
		printf("%s(slice[%d], %d)", operation_name(s->op), s->slice, s->flags % 2);
		break;
	}
}

static void print_import(const struct step *s)
{
	switch (s->op) {
	case OP_IMPORT:
		printf("ioas_map_file(ioas[%d], slot %d, slice[%d], %d, %d, %s%s)", s->ioas,
		       s->slot, s->slice, s->at, s->nr, access(s),
		       s->flags / 4 % 4 ? "" : " | STAY_REVOKED");
		break;
	case OP_IMPORT_ADDRESS:
		printf("ioas_map(ioas[%d], slot %d, map[%d], %d, %d, %s)", s->ioas, s->slot,
		       s->map, s->at, s->nr, access(s));
		break;
	case OP_UNMAP:
		printf("ioas_unmap(ioas[%d], slot %d%s)", s->ioas, s->slot,
		       s->flags % 4 ? "" : ", a part");
		break;
	case OP_COPY:
		printf("ioas_copy(ioas[%d], slot %d, ioas[%d], slot %d, %d, %d, %s)",
		       s->to_ioas, s->to_slot, s->ioas, s->slot, s->at, s->nr, access(s));
		break;
	case OP_ATTACH:
		printf("attach(engine, %s[%d])", s->random % 4 < 2 ? "ioas" : "table",
		       s->random % 2);
		break;
	default:
		printf("%s(slot %d, page %u)", operation_name(s->op), s->slot, s->random);
		break;
	}
}

static void print_step(const struct step *s)
{
	switch (s->op) {
	case OP_EXPORT:
	case OP_CLOSE_SLICE:
	case OP_REVOKE:
	case OP_POLL:
	case OP_FENCE:
	case OP_PATH:
	case OP_MEMATTR:
	case OP_DRM:
	case OP_MMAP_SLICE:
	case OP_MMAP_DEVICE:
		print_slice(s);
		break;
	case OP_MUNMAP:
	case OP_MPROTECT:
	case OP_MREMAP:
	case OP_MADVISE:
	case OP_READ:
	case OP_WRITE:
	case OP_KERNEL_READ:
	case OP_GUP:
		printf("proc %d: %s(map[%d], %d, %d, %d)", s->proc, operation_name(s->op),
		       s->map, s->at, s->nr, s->flags % 4);
		break;
	case OP_IMPORT:
	case OP_IMPORT_ADDRESS:
	case OP_UNMAP:
	case OP_COPY:
	case OP_ATTACH:
	case OP_DMA_READ:
	case OP_DMA_WRITE:
		print_import(s);
		break;
	case OP_MEMORY_BUF:
		printf("%s(%d pages, %d)", operation_name(s->op), 1 + s->random % 64, s->flags);
		break;
	case OP_TABLE:
	case OP_SWEEP:
		printf("%s()", operation_name(s->op));
		break;
	case OP_FORK:
	case OP_END:
		printf("%s(proc %d, %d)", operation_name(s->op), 1 + s->random % 2, s->flags % 2);
		break;
	default:
		printf("%s(dev[%d], %d)", operation_name(s->op), s->dev, s->flags % 2);
		break;
	}
}

void program_print(const struct program *p, int failed)
{
	int i;

	printf("# make guest TESTS=oracle SEED=%llu STEPS=", (unsigned long long)p->seed);
	for (i = 0; i < p->nr; i++)
		printf("%s%d", i ? "," : "", p->steps[i].number);
	printf("%s\n", report->fails ? " FAIL=1" : "");
	for (i = 0; i < p->nr; i++) {
		printf("# %s\t", i == failed ? "*" : " ");
		print_step(&p->steps[i]);
		printf(";\n");
	}
}
