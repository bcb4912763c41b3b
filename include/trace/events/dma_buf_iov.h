/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_buf
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE dma_buf_iov

#if !defined(_TRACE_DMA_BUF_IOV_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_DMA_BUF_IOV_H

#include <linux/dma-buf.h>
#include <linux/pci.h>
#include <linux/tracepoint.h>

/* The driver of a PF cannot use a buffer as a piece of its VF's BAR */
TRACE_EVENT(dma_buf_iov_refused,
	    TP_PROTO(struct dma_buf *dmabuf,
		     const struct dma_buf_mapping_match *match,
		     const char *reason),

	    TP_ARGS(dmabuf, match, reason),

	    TP_STRUCT__entry(__string(exp_name, dmabuf->exp_name)
			     __field(ino_t, ino)
			     __field(u16, vf)
			     __field(unsigned int, bar)
			     __string(reason, reason)
	    ),

	    TP_fast_assign(__assign_str(exp_name);
			   __entry->ino = dmabuf->file->f_inode->i_ino;
			   __entry->bar = match->private_data.val[0];
			   __entry->vf = match->private_data.val[1];
			   __assign_str(reason);
	    ),

	    TP_printk("exp_name=%s ino=%lu vf=%02x:%02x.%x bar=%u reason=\"%s\"",
		      __get_str(exp_name), __entry->ino,
		      PCI_BUS_NUM(__entry->vf), PCI_SLOT(__entry->vf),
		      PCI_FUNC(__entry->vf), __entry->bar, __get_str(reason))
);

#endif /* _TRACE_DMA_BUF_IOV_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
