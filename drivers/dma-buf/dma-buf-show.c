// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf mapping types: what user space can see of attachments and of the
 * negotiation.
 *
 * debugfs is for root and names devices. fdinfo is for every holder of the buffer,
 * which the importers need not trust: it shows how the attachments are served, but
 * neither where the memory is nor whose device uses it.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/seq_file.h>

#include <kunit/visibility.h>

#include "dma-buf-core.h"

/* Any holder can attach any number of times, so limit the lines */
#define MAX_FDINFO_LINES 32

/*
 * Write a description of @entry into @buf: the type's name and the type's own words.
 */
void dma_buf_match_describe(char *buf, size_t len,
			    const struct dma_buf_mapping_match *entry)
{
	int n = scnprintf(buf, len, "%s", entry->type->name);

	if (entry->type->describe)
		entry->type->describe(buf + n, len - n, entry);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_match_describe);

/**
 * dma_buf_attachment_show - print one line about an attachment
 * @s: seq_file of dma_buf/bufinfo in debugfs
 * @attach: the attachment
 *
 * Context: The caller holds the reservation lock of the buffer.
 */
void dma_buf_attachment_show(struct seq_file *s,
			     struct dma_buf_attachment *attach)
{
	const struct dma_buf_match *match = dma_buf_current_match(attach);
	const struct dma_buf_mapping_type *type = match->result.type;

	dma_resv_assert_held(attach->dmabuf->resv);

	seq_printf(s, "\t%s:", type->name);
	if (type->debugfs_dump) {
		seq_putc(s, ' ');
		type->debugfs_dump(s, attach);
	}
	if (match->conv)
		seq_printf(s, " (from %s)", match->conv->from->name);
	seq_putc(s, '\n');
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_attachment_show);

/* Only SGT and the conversions of the core say where the memory is */
static const char *where(const struct dma_buf_match *match)
{
	if (match->result.type == &dma_buf_mapping_sgt_type)
		return dma_buf_match_is_sgt_p2p(&match->result) ? "p2p" :
								  "memory";
	if (match->conv)
		return match->kinds & BIT(DMA_BUF_PHYS_MMIO) ? "p2p" : "memory";
	return "-";
}

static void show_line(struct seq_file *s, struct dma_buf_attachment *attach)
{
	const struct dma_buf_match *match = dma_buf_current_match(attach);
	bool selected = to_core_attachment(attach)->chosen &&
			attach->dmabuf->ops->select_mapping;

	seq_printf(s, "attachment:\t%s %s %s\n", match->result.type->name,
		   where(match), selected ? "selected" : "default");
}

/**
 * dma_buf_attachments_fdinfo - print the attachments of a buffer
 * @s: seq_file of /proc/PID/fdinfo/FD
 * @dmabuf: the buffer
 *
 * Context: Takes the reservation lock of the buffer. Any process may read this file
 * and some tasks hold that lock for long, so a signal ends the wait for the lock:
 * then nothing is printed.
 */
void dma_buf_attachments_fdinfo(struct seq_file *s, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	unsigned int nr = 0;

	if (dma_resv_lock_interruptible(dmabuf->resv, NULL))
		return;
	list_for_each_entry(attach, &dmabuf->attachments, node)
		if (nr++ < MAX_FDINFO_LINES)
			show_line(s, attach);
	dma_resv_unlock(dmabuf->resv);
	seq_printf(s, "attachments:\t%u\n", nr);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_attachments_fdinfo);
