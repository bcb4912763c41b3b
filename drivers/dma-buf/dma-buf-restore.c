// SPDX-License-Identifier: GPL-2.0-only
/*
 * How importers learn that a buffer is back which the exporter has taken away.
 *
 * An exporter takes a buffer away for a time or permanently, and invalidates
 * importers in both cases (&dma_buf_attach_ops.invalidate_mappings). If for a time,
 * it calls dma_buf_restore_mappings() when that is over, so that an importer can map
 * the buffer again without a call from user space. If permanently, it calls
 * dma_buf_hang_up().
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/export.h>

/**
 * dma_buf_restore_mappings - tell importers that they can map a buffer again
 * @dmabuf: the buffer, which importers were invalidated for
 *
 * An exporter that has taken a buffer away for a time calls this when the buffer is
 * back. From now on an importer's map succeeds, until the exporter takes the buffer
 * away again, which it may do at once. Unnecessary calls do no harm. Importers that
 * map buffers when they use them have no &dma_buf_attach_ops.restore_mappings, and
 * the call skips them.
 *
 * Context: The caller holds the reservation lock of the buffer. Takes no longer than
 * the walk over the attachments.
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
 * dma_buf_attach_restorable - can the importer restore its mapping?
 * @attach: the attachment, which may be about to be made
 *
 * Such an importer knows that -EAGAIN, from an attach or a map, means that the
 * buffer is away for a time. Exporters return -ENODEV to all other importers, whose
 * users would try again at once.
 *
 * Return: True if it has &dma_buf_attach_ops.restore_mappings.
 */
bool dma_buf_attach_restorable(const struct dma_buf_attachment *attach)
{
	return attach->importer_ops && attach->importer_ops->restore_mappings;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_attach_restorable, "DMA_BUF");
