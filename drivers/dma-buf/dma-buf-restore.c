// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers that are away for a while, and how importers learn that they are back.
 *
 * An exporter takes a buffer back for a time or for ever, and tells importers in
 * the same way (&dma_buf_attach_ops.invalidate_mappings). If for a time it says
 * when that is over, so that an importer can map the buffer again without being
 * asked by user space. If for ever, it says that by dma_buf_hang_up().
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/export.h>

/**
 * dma_buf_restore_mappings - tell importers that they can map a buffer again
 * @dmabuf: the buffer, which importers were told to let go of
 *
 * To be called by an exporter that has taken a buffer away for a time, when it is
 * back. An importer's map succeeds from now on, until the exporter takes the buffer
 * away again, which it may do at once. Calls without need do no harm. Importers
 * that map buffers when they use them have no
 * &dma_buf_attach_ops.restore_mappings, and are not told.
 *
 * Context: The reservation lock of the buffer is held. Takes no longer than the
 * walk over the attachments.
 */
void dma_buf_restore_mappings(struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;

	dma_resv_assert_held(dmabuf->resv);

	list_for_each_entry(attach, &dmabuf->attachments, node)
		if (dma_buf_attach_restorable(attach))
			attach->importer_ops->restore_mappings(attach);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_restore_mappings, "DMA_BUF");

/**
 * dma_buf_attach_restorable - does the importer want to know when a buffer is back?
 * @attach: the attachment, which may be about to be made
 *
 * Such an importer also knows that -EAGAIN, of an attach and of a map, says that
 * the buffer is away for a time. Exporters say -ENODEV to all others, whose users
 * would try again at once.
 *
 * Return: True if it has &dma_buf_attach_ops.restore_mappings.
 */
bool dma_buf_attach_restorable(const struct dma_buf_attachment *attach)
{
	return attach->importer_ops && attach->importer_ops->restore_mappings;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_attach_restorable, "DMA_BUF");
